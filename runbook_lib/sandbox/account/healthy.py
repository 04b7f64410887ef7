"""The healthy account every world starts from: one table, two consumers of its stream, one function that is neither."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from runbook_lib.sandbox.account import noise
from runbook_lib.sandbox.account.code import HARDY, SOUND
from runbook_lib.sandbox.account.customer_alarms import alarms
from runbook_lib.sandbox.account.mapping import EventSourceMapping
from runbook_lib.sandbox.account.setting import Setting
from runbook_lib.sandbox.account.state import (
    Document,
    Function,
    ManagedPolicy,
    Role,
    Scope,
    State,
    Stream,
    Table,
    Version,
)
from runbook_lib.sandbox.account.traffic import Traffic

BASIC_EXECUTION = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
DYNAMODB_EXECUTION = "arn:aws:iam::aws:policy/service-role/AWSLambdaDynamoDBExecutionRole"
REPORTS = "report-failures"
"""The inline policy that lets a function's role write to its mapping's failure destination."""
_LOGS = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
_READS = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]


def document(*statements: Mapping[str, object]) -> Document:
    """A policy document of these statements."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(actions: list[str], resource: str | list[str], sid: str | None = None) -> dict[str, object]:
    """An Allow statement."""
    return ({"Sid": sid} if sid else {}) | {"Effect": "Allow", "Action": actions, "Resource": resource}


def stream_reader(streams: str | list[str], actions: list[str] | None = None) -> Document:
    """The policy a stream's poller needs: the reads on the given streams, and ListStreams, which takes `*` only."""
    return document(
        allow(actions or _READS, streams, "ReadStream"), allow(["dynamodb:ListStreams"], "*", "ListStreams")
    )


LAMBDA_TRUST = document(
    {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
)

AWS_MANAGED: Mapping[str, Document] = {
    BASIC_EXECUTION: document(allow(_LOGS, "*")),
    DYNAMODB_EXECUTION: document(allow([*_READS, "dynamodb:ListStreams", *_LOGS], "*")),
}
"""The two AWS managed policies of a stream function, as the AWS Managed Policy Reference prints them."""


def healthy_state(scope: Scope, setting: Setting, start: datetime, seed: int) -> State:
    """The state at the start of the history, everything in it weeks or months old."""
    born = start - timedelta(days=212, hours=5)
    stream = Stream(setting.table, born + timedelta(days=3, seconds=17.528), setting.view_type)
    names = (setting.function, setting.sibling, setting.bystander)
    functions = {
        name: _function(scope, name, born + timedelta(days=1, minutes=9 * index), setting, seed)
        for index, name in enumerate(names)
    }
    consumers = ((_target(setting), setting.filters, setting.maximum_retry_attempts), (setting.sibling, (), 10))
    mappings = [
        EventSourceMapping(
            uuid=noise.uuid4(seed, "mapping", target),
            function=target,
            stream_arn=stream.arn(scope),
            created=stream.created + timedelta(minutes=6),
            modified=start - timedelta(days=30 + index, minutes=47),
            starting_position=setting.starting_position,
            filters=filters,
            maximum_retry_attempts=retries,
            event_count=setting.event_count,
        )
        for index, (target, filters, retries) in enumerate(consumers)
    ]
    mappings[0] = replace(mappings[0], **setting.mapping)
    streams = f"{scope.arn('dynamodb', f'table/{setting.table}')}/stream/*"
    table = Table(setting.table, noise.uuid4(seed, "table"), born, (stream,), **setting.table_fields)
    others = [_other_source(setting, number, born, seed) for number in range(setting.other_sources)]
    mappings += [
        replace(mappings[0], uuid=noise.uuid4(seed, "mapping", other.name), stream_arn=other.streams[0].arn(scope))
        for other in others
    ]
    return State(
        tables={each.name: each for each in (table, *others)},
        mappings={mapping.uuid: mapping for mapping in mappings},
        functions=functions,
        roles={f"{name}-role": _role(name, born, streams, setting, seed) for name in names},
        policies={
            arn: ManagedPolicy(arn, "ANPA" + noise.letters(17, 0, arn), born - timedelta(days=2000), text)
            for arn, text in AWS_MANAGED.items()
        },
        alarms=alarms(setting, stream, mappings[0].uuid, born),
        health=setting.health,
        traffic=Traffic(expiring=table.ttl_attribute is not None),
    )


def _other_source(setting: Setting, number: int, born: datetime, seed: int) -> Table:
    """A table that nobody writes to any more, with a stream of its own."""
    name = f"{setting.table}-{2025 - number // 12}-{number % 12 + 1:02d}"
    return Table(name, noise.uuid4(seed, name), born, (Stream(name, born + timedelta(hours=7), setting.view_type),))


def _target(setting: Setting) -> str:
    return f"{setting.function}:{setting.alias}" if setting.alias else setting.function


def _function(scope: Scope, name: str, created: datetime, setting: Setting, seed: int) -> Function:
    role = scope.arn("iam", f"role/{name}-role")
    modified = created + timedelta(days=150, minutes=noise.between(0, 900, seed, "deployed", name))
    code = SOUND if name == setting.function else HARDY
    latest = Version("$LATEST", role, code, modified, description="Keeps up with the orders table")
    published = tuple(Version(str(number), role, code, modified - timedelta(days=20 - number)) for number in (6, 7))
    aliased = setting.alias is not None and name == setting.function
    return Function(
        name,
        created,
        (latest, *published) if aliased else (latest,),
        {str(setting.alias): "7"} if aliased else {},
        log_format=setting.log_format,
    )


def _role(name: str, created: datetime, streams: str, setting: Setting, seed: int) -> Role:
    managed = setting.managed_access and name == setting.function
    inline = {} if managed or name == setting.bystander else {"stream-access": stream_reader(streams)}
    if name == setting.function and (queue := setting.mapping.get("destination")):
        inline[REPORTS] = document(allow(["sqs:SendMessage"], queue))
    return Role(
        f"{name}-role",
        "AROA" + noise.letters(17, seed, f"{name}-role"),
        created,
        LAMBDA_TRUST,
        inline,
        (DYNAMODB_EXECUTION,) if managed else (BASIC_EXECUTION,),
    )
