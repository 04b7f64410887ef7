"""What happens to a small stream trigger on the second backend, one API call or deployment away from health.

Each function breaks an account in which records were delivered a moment ago; its docstring says how.
"""

from __future__ import annotations

import io
import json
import os
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from unittest import mock

TABLE, FUNCTION, ROLE = "Orders", "orders-projector", "orders-projector-role"
REFUSED = "refused"
"""Expected where the kit says that its parameters are wrong, and investigates nothing."""

_PATIENCE_S = 20
_CLOCKS_MAY_DIFFER_S = 70
"""Longer than the minute that the kit allows between the clocks of table and stream."""

WORKS = "def handler(event, context):\n    print(len(event['Records']), 'records')\n    return {}\n"
RAISES = "def handler(event, context):\n    raise ValueError('order 5 has no customer')\n"
LOADS_NOTHING = "import no_such_module\n\ndef handler(event, context):\n    return {}\n"
READS_IMAGE = (
    "def handler(event, context):\n    return [record['dynamodb']['NewImage'] for record in event['Records']]\n"
)
SLEEPS = "import time\n\ndef handler(event, context):\n    time.sleep(30)\n"

_READS = [f"dynamodb:{name}" for name in ("GetRecords", "GetShardIterator", "DescribeStream", "ListStreams")]
_WRITES_LOG = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]


class Account:
    """The account under test: a table with a stream, a function that reads it, and the mapping between them."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        import boto3

        with mock.patch.dict(os.environ, environment):
            session = boto3.Session()
            self.dynamodb, self.lambda_, self.iam, self.logs = map(
                session.client, ("dynamodb", "lambda", "iam", "logs")
            )
        self.written = 0
        self.params = {"region": environment["AWS_DEFAULT_REGION"], "table_name": TABLE, "function_name": FUNCTION}

    def build(self) -> None:
        """Make everything, and wait until the first records were delivered."""
        self.create_table()
        arn = self.iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=_policy("sts:AssumeRole", trusts="lambda"))
        self.allow(*_READS, *_WRITES_LOG)
        self.lambda_.create_function(
            FunctionName=FUNCTION,
            Runtime="python3.11",
            Role=arn["Role"]["Arn"],
            Handler="app.handler",
            Timeout=3,
            Code={"ZipFile": _zipped(WORKS)},
        )
        self.lambda_.get_waiter("function_active_v2").wait(FunctionName=FUNCTION)
        self.uuid = self.map()
        self.write()
        self.wait_for_result()

    def create_table(self, view_type: str = "NEW_AND_OLD_IMAGES") -> None:
        """Create the table with its stream."""
        self.dynamodb.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": view_type},
        )

    @property
    def stream(self) -> str:
        """The ARN of the table's latest stream."""
        return str(self.dynamodb.describe_table(TableName=TABLE)["Table"]["LatestStreamArn"])

    def map(self, **more: Any) -> str:
        """Create the mapping from the table's stream to the function."""
        asked = {"EventSourceArn": self.stream, "FunctionName": FUNCTION, "StartingPosition": "TRIM_HORIZON"}
        return str(self.lambda_.create_event_source_mapping(**asked, **more)["UUID"])

    def allow(self, *actions: str, effect: str = "Allow", name: str = "reads-stream") -> None:
        """Put an inline policy on the role."""
        self.iam.put_role_policy(RoleName=ROLE, PolicyName=name, PolicyDocument=_policy(*actions, effect=effect))

    def set_stream(self, view_type: str | None) -> None:
        """Switch the table's stream on with this view type, or off."""
        asked = {"StreamEnabled": True, "StreamViewType": view_type} if view_type else {"StreamEnabled": False}
        self.dynamodb.update_table(TableName=TABLE, StreamSpecification=asked)

    def deploy(self, code: str) -> None:
        """Give the function other code, write to the table, and wait until it has run on that."""
        self.lambda_.update_function_code(FunctionName=FUNCTION, ZipFile=_zipped(code))
        self.lambda_.get_waiter("function_updated_v2").wait(FunctionName=FUNCTION)
        self.write()
        self.wait_for_result(failed=True)

    def write(self, items: int = 5) -> None:
        """Write new items."""
        for _ in range(items):
            self.written += 1
            self.dynamodb.put_item(TableName=TABLE, Item={"id": {"S": f"order-{self.written}"}})

    def wait_for_result(self, *, failed: bool = False) -> None:
        """Wait until the mapping's last batch came through, or failed. Raises TimeoutError."""
        for _ in range(_PATIENCE_S * 4):
            said = self.lambda_.get_event_source_mapping(UUID=self.uuid)["LastProcessingResult"]
            if said != "No records processed" and said.startswith("OK") != failed:
                return
            time.sleep(0.25)
        raise TimeoutError(f"the mapping still says {said!r}")


@dataclass(frozen=True)
class Scenario:
    """One thing that happens. `expects` is the finding to recognise it by, or REFUSED; None where nothing is wrong.

    `unlike` says in what ministack departs from AWS where that decides what can be seen.
    """

    name: str
    expects: str | None
    unlike: str
    act: Callable[[Account], None]

    @property
    def story(self) -> str:
        """What happens, in words."""
        return (self.act.__doc__ or "").strip()


SCENARIOS: list[Scenario] = []


def scenario(expects: str | None, unlike: str = "") -> Callable[[Callable[[Account], None]], Callable[[Account], None]]:
    """Register a scenario; its name is the function's."""

    def register(act: Callable[[Account], None]) -> Callable[[Account], None]:
        SCENARIOS.append(Scenario(act.__name__.replace("_", "-"), expects, unlike, act))
        return act

    return register


@scenario(None)
def healthy(account: Account) -> None:
    """Records are written and delivered."""
    account.write()
    account.wait_for_result()


@scenario("esm-disabled-by-user")
def mapping_disabled(account: Account) -> None:
    """The mapping is disabled by a request."""
    account.lambda_.update_event_source_mapping(UUID=account.uuid, Enabled=False)
    account.write()


@scenario("esm-missing")
def mapping_deleted(account: Account) -> None:
    """The mapping is deleted."""
    account.lambda_.delete_event_source_mapping(UUID=account.uuid)
    account.write()


@scenario("stream-disabled")
def stream_disabled(account: Account) -> None:
    """The table's stream is switched off."""
    account.set_stream(None)
    account.write()


@scenario("stale-stream-arn")
def stream_recreated(account: Account) -> None:
    """The table's stream is switched off and on again, and the mapping reads the old one."""
    account.set_stream(None)
    account.set_stream("NEW_AND_OLD_IMAGES")
    account.write()


@scenario("table-recreated-or-restored")
def table_recreated(account: Account) -> None:
    """A minute later the table is deleted and created anew under its name."""
    time.sleep(_CLOCKS_MAY_DIFFER_S)
    account.dynamodb.delete_table(TableName=TABLE)
    account.create_table()
    account.write()


@scenario("function-or-qualifier-deleted")
def function_deleted(account: Account) -> None:
    """The function is deleted; its mapping stays."""
    account.lambda_.delete_function(FunctionName=FUNCTION)
    account.write()


_LOG_SEARCH = (
    "FilterLogEvents takes the alternatives of a pattern (`?ERROR ?Error ...`) for words that must all be there, so"
    " that the search for failures finds none"
)


@scenario("handler-error", unlike=_LOG_SEARCH)
def handler_raises(account: Account) -> None:
    """A deployment makes the handler raise an error on every record."""
    account.deploy(RAISES)


@scenario("init-or-import-error", unlike=_LOG_SEARCH)
def module_missing(account: Account) -> None:
    """A deployment lacks a module that the handler imports."""
    account.deploy(LOADS_NOTHING)


@scenario("timeout", unlike=_LOG_SEARCH)
def handler_hangs(account: Account) -> None:
    """A deployment makes the handler take longer than the function's timeout."""
    account.deploy(SLEEPS)


@scenario("view-type-lacks-image", unlike=_LOG_SEARCH)
def view_type_without_image(account: Account) -> None:
    """The stream is made anew with keys only, the mapping with it, and the handler reads the new image."""
    account.set_stream(None)
    account.set_stream("KEYS_ONLY")
    account.lambda_.delete_event_source_mapping(UUID=account.uuid)
    account.uuid = account.map()
    account.deploy(READS_IMAGE)


@scenario("reserved-concurrency-zero")
def nothing_reserved(account: Account) -> None:
    """The function's reserved concurrency is set to zero."""
    account.lambda_.put_function_concurrency(FunctionName=FUNCTION, ReservedConcurrentExecutions=0)
    account.write()


@scenario("filter-matches-nothing")
def filter_on_nothing(account: Account) -> None:
    """The mapping is given a filter on an event name that no record has."""
    pattern = json.dumps({"eventName": ["CREATE"]})
    criteria = {"Filters": [{"Pattern": pattern}]}
    account.lambda_.update_event_source_mapping(UUID=account.uuid, FilterCriteria=criteria)
    account.write()


@scenario("role-missing-stream-actions")
def role_without_get_records(account: Account) -> None:
    """The role's policy loses dynamodb:GetRecords."""
    account.allow(*_READS[1:], *_WRITES_LOG)
    account.write()


@scenario("explicit-deny-identity")
def role_denied(account: Account) -> None:
    """A second policy of the role denies reading the stream."""
    account.allow(*_READS, effect="Deny", name="guard")
    account.write()


@scenario("permissions-boundary")
def role_bounded(account: Account) -> None:
    """The role gets a permissions boundary that allows no more than writing the log."""
    made = account.iam.create_policy(PolicyName="bounds", PolicyDocument=_policy(*_WRITES_LOG))
    account.iam.put_role_permissions_boundary(RoleName=ROLE, PermissionsBoundary=made["Policy"]["Arn"])
    account.write()


@scenario("trust-or-role-gone")
def role_deleted(account: Account) -> None:
    """The execution role is deleted."""
    account.iam.delete_role_policy(RoleName=ROLE, PolicyName="reads-stream")
    account.iam.delete_role(RoleName=ROLE)
    account.write()


@scenario("trust-or-role-gone")
def role_trusts_another(account: Account) -> None:
    """The role's trust policy names another service than Lambda."""
    account.iam.update_assume_role_policy(RoleName=ROLE, PolicyDocument=_policy("sts:AssumeRole", trusts="ec2"))
    account.write()


@scenario(REFUSED)
def wrong_table_named(account: Account) -> None:
    """Whoever was paged names a table that does not exist."""
    account.params["table_name"] = "Order"


@scenario(REFUSED)
def wrong_region_named(account: Account) -> None:
    """Whoever was paged names another region."""
    account.params["region"] = "eu-central-1"


def _policy(*actions: str, effect: str = "Allow", trusts: str = "") -> str:
    whom = {"Principal": {"Service": f"{trusts}.amazonaws.com"}} if trusts else {"Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": effect, "Action": list(actions), **whom}]})


def _zipped(code: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", code)
    return packed.getvalue()
