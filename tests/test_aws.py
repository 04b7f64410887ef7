"""The Reader: read-only, recorded, replayable, honest about what it could not get."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from worlds import A_MOMENT, NOW, incident_of, sandboxed

from runbook_lib.archive.record import Record
from runbook_lib.archive.redact import Redactor
from runbook_lib.aws import READS, CallOutcome, Live, Reader, iam_action, plain, together
from runbook_lib.errors import CannotRun
from runbook_lib.incident import Incident
from runbook_lib.observed import Gap, NotObserved
from runbook_lib.sandbox import build, deny, fail, throttle

AS_OF = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)
INCIDENT = Incident("INC-1", "eu-west-1", "Orders", "orders-projector")
IDENTITY = {"Account": "123456789012", "Arn": "arn:aws:iam::123456789012:role/Reader"}
STEP = "03-event_source_mappings"


class Scripted:
    """AWS as a list of answers to give in order, remembering what was asked."""

    def __init__(self, *outcomes: CallOutcome) -> None:
        self.outcomes = list(outcomes)
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.lock = threading.Lock()

    def ask(self, service: str, operation: str, region: str, params: dict[str, Any]) -> CallOutcome:
        """Give the next answer."""
        with self.lock:
            self.asked.append((f"{service}:{operation}", params))
            return self.outcomes.pop(0)


def _answer(**members: Any) -> CallOutcome:
    return CallOutcome(members, False, "r-1", 0)


def _error(code: str, message: str = "no", retries: int = 0) -> CallOutcome:
    return CallOutcome({"code": code, "message": message, "status": 400}, True, "r-1", retries)


def _reader(*outcomes: CallOutcome, record: Record | None = None) -> tuple[Reader, Scripted]:
    scripted = Scripted(*outcomes)
    record = record or Record.create(INCIDENT, AS_OF, IDENTITY, archive=None)
    return Reader(record, scripted, Redactor("salt")), scripted  # type: ignore[arg-type]


def test_every_listed_operation_is_a_read_that_botocore_knows() -> None:
    """The list of reads holds only operations of botocore's models whose names say that they read."""
    session = botocore.session.get_session()
    verbs = ("Get", "List", "Describe", "Filter", "Lookup", "Simulate")
    for service, operations in READS.items():
        model = session.get_service_model(service)
        assert set(operations) <= set(model.operation_names)
        assert all(name.startswith(verbs) for name in operations)


def test_paging_follows_botocores_models() -> None:
    """The token parameter of every paging operation is a member of its input, and its token one of its output."""
    session = botocore.session.get_session()
    for service, operations in READS.items():
        model = session.get_service_model(service)
        for name, paging in operations.items():
            if paging is None:
                continue
            shape = model.operation_model(name)
            assert paging.parameter in shape.input_shape.members
            found = shape.output_shape
            for part in paging.token:
                found = found.members[part]


@pytest.mark.parametrize(
    ("service", "operation"),
    [("dynamodb", "PutItem"), ("lambda", "UpdateEventSourceMapping"), ("iam", "PutRolePolicy"), ("s3", "GetObject")],
)
def test_anything_else_is_refused_before_it_leaves(service: str, operation: str) -> None:
    """An operation that is not on the list never reaches AWS."""
    reader, scripted = _reader()
    with pytest.raises(PermissionError, match=operation):
        reader.for_step(STEP).call(service, operation)
    assert scripted.asked == []


def test_a_call_is_made_once() -> None:
    """The same question asked again is answered from the record."""
    reader, scripted = _reader(_answer(Table={"TableName": "Orders"}))
    aws = reader.for_step(STEP)
    first = aws.call("dynamodb", "DescribeTable", TableName="Orders")
    assert first == aws.call("dynamodb", "DescribeTable", TableName="Orders")
    assert len(scripted.asked) == 1


def test_the_same_call_at_the_same_time_is_made_once() -> None:
    """Two threads with one question share one request and one answer."""
    started, release = threading.Event(), threading.Event()

    class Slow(Scripted):
        def ask(self, *arguments: Any) -> CallOutcome:
            """Answer when released."""
            started.set()
            release.wait(5)
            return super().ask(*arguments)

    slow = Slow(_answer(Table={"TableName": "Orders"}))
    record = Record.create(INCIDENT, AS_OF, IDENTITY, archive=None)
    aws = Reader(record, slow, Redactor("salt")).for_step(STEP)  # type: ignore[arg-type]
    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(aws.call, "dynamodb", "DescribeTable", TableName="Orders") for _ in range(2)]
        started.wait(5)
        release.set()
        assert asked[0].result() == asked[1].result()
    assert len(slow.asked) == 1


def test_pages_are_followed_and_joined() -> None:
    """A token leads to the next page; empty pages in between lose nothing."""
    reader, scripted = _reader(
        _answer(events=[{"n": 1}], nextToken="a"), _answer(events=[], nextToken="b"), _answer(events=[{"n": 2}])
    )
    pages = reader.for_step(STEP).pages("logs", "FilterLogEvents", logGroupName="g")
    assert [item["n"] for item in pages.items("events")] == [1, 2]
    assert not pages.truncated
    assert [params.get("nextToken") for _, params in scripted.asked] == [None, "a", "b"]


@pytest.mark.parametrize(
    "outcomes",
    [
        (_answer(events=[1], nextToken="a"), _answer(events=[2], nextToken="a")),
        (_answer(events=[1], nextToken="a"), _error("ThrottlingException")),
    ],
)
def test_a_pagination_that_breaks_off_says_so(outcomes: tuple[CallOutcome, ...]) -> None:
    """The same token twice, or an error on a later page, keeps what was read and marks it as cut short."""
    reader, _ = _reader(*outcomes)
    pages = reader.for_step(STEP).pages("logs", "FilterLogEvents", logGroupName="g")
    assert pages.truncated
    assert pages.items("events")[0] == 1
    with pytest.raises(NotObserved, match="logs:FilterLogEvents in eu-west-1 broke off after"):
        pages.every("events")


GAPS: list[tuple[CallOutcome, str, str | None]] = [
    (_error("AccessDeniedException"), "may not call", "dynamodb:DescribeTable"),
    (_error("AccessDenied"), "may not call", "dynamodb:DescribeTable"),
    (_error("ThrottlingException", retries=3), "still throttled after 4 attempts", None),
    (_error("ExpiredTokenException"), "no longer accepted", None),
    (_error("InternalServerError", "boom"), "failed: InternalServerError: boom", None),
    (_error("EndpointConnectionError", "refused"), "EndpointConnectionError", None),
]


@pytest.mark.parametrize(("outcome", "words", "permission"), GAPS)
def test_what_keeps_us_from_an_answer_becomes_a_gap(outcome: CallOutcome, words: str, permission: str | None) -> None:
    """Each failure raises NotObserved with a sentence; the permission to grant is named only where it would help."""
    reader, _ = _reader(outcome)
    with pytest.raises(NotObserved) as unseen:
        reader.for_step(STEP).call("dynamodb", "DescribeTable", TableName="Orders")
    assert words in unseen.value.gap.reason
    assert unseen.value.gap.permission == permission
    assert unseen.value.gap.ref.startswith("DescribeTable-")


def test_what_does_not_exist_is_an_answer() -> None:
    """ResourceNotFoundException is None to whoever asked for it, and nothing is missing."""
    reader, _ = _reader(_error("ResourceNotFoundException"))
    assert reader.for_step(STEP).find("dynamodb", "DescribeTable", TableName="Orders") is None


def test_together_leaves_a_gap_where_a_look_failed() -> None:
    """Looks made side by side do not harm one another."""
    reader, _ = _reader(_error("AccessDeniedException"))
    aws = reader.for_step(STEP)
    denied, fine = together(lambda: aws.call("dynamodb", "DescribeTable", TableName="Orders"), lambda: 7)
    assert isinstance(denied, Gap)
    assert fine == 7


def test_only_what_is_kept_is_recorded(tmp_path: Path) -> None:
    """With `keep`, nothing else of an answer is returned or written."""
    record = Record.create(INCIDENT, AS_OF, IDENTITY, archive=tmp_path)
    reader, _ = _reader(_answer(Records=[{"dynamodb": {"NewImage": {"card": {"S": "4111"}}}}]), record=record)
    kept = reader.for_step(STEP).call(
        "dynamodbstreams", "GetRecords", keep=lambda answer: {"count": len(answer["Records"])}, ShardIterator="i"
    )
    record.close()
    assert kept == {"count": 1}
    assert all("4111" not in path.read_text() for path in tmp_path.rglob("*.jsonl"))


def test_replay_answers_alike_and_leaves_a_gap_for_the_rest() -> None:
    """Without AWS a recorded answer is the same answer, errors included, and an unrecorded one is a gap."""
    live, _ = _reader(_answer(Table={"TableName": "Orders"}), _error("AccessDeniedException"))
    aws = live.for_step(STEP)
    seen = aws.call("dynamodb", "DescribeTable", TableName="Orders")
    with pytest.raises(NotObserved) as first:
        aws.call("lambda", "GetAccountSettings")
    replayed = Reader(live.record, None).for_step(STEP)
    assert replayed.call("dynamodb", "DescribeTable", TableName="Orders") == seen
    with pytest.raises(NotObserved) as second:
        replayed.call("lambda", "GetAccountSettings")
    assert first.value.gap == second.value.gap
    with pytest.raises(NotObserved) as unrecorded:
        replayed.call("iam", "GetRole", RoleName="r")
    assert unrecorded.value.gap.code == "NotRecorded"


def test_times_become_utc_text() -> None:
    """Times are ISO 8601 UTC whatever zone they came in, bytes are base64; metadata and nulls are left out."""
    from datetime import timedelta, timezone

    local = datetime(2026, 3, 14, 16, 9, tzinfo=timezone(timedelta(hours=1)))
    answer = {"At": local, "Raw": b"ab", "Items": [None, {"Name": None}], "ResponseMetadata": {}}
    assert plain(answer) == {"At": "2026-03-14T15:09:00Z", "Raw": "YWI=", "Items": [{}]}


@pytest.fixture(scope="module")
def world() -> Iterator[Any]:
    """A healthy world."""
    return build("healthy", NOW, seed=1, history=A_MOMENT)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (deny("dynamodb", "DescribeTable"), "may not call dynamodb:DescribeTable"),
        (throttle("dynamodb", "DescribeTable"), "still throttled after 4 attempts"),
        (fail("dynamodb", "DescribeTable"), "failed:"),
    ],
)
def test_troubles_of_aws_are_told_apart_over_http(world: Any, rule: Any, words: str) -> None:
    """A denial, a throttle that does not end and a server error each come out as what they are."""
    with sandboxed(world, rule):
        live = Live(incident_of(world, "INC-1"))
        record = Record.create(incident_of(world, "INC-1"), AS_OF, IDENTITY, archive=None)
        with pytest.raises(NotObserved) as unseen:
            Reader(record, live).for_step(STEP).call("dynamodb", "DescribeTable", TableName="Orders")
    assert words in unseen.value.gap.reason


def test_a_short_throttle_is_ridden_out(world: Any) -> None:
    """A throttle that ends within the retries leaves no gap, and the retries are recorded."""
    with sandboxed(world, throttle("dynamodb", "DescribeTable", times=2)):
        record = Record.create(incident_of(world, "INC-1"), AS_OF, IDENTITY, archive=None)
        reader = Reader(record, Live(incident_of(world, "INC-1")))
        assert reader.for_step(STEP).call("dynamodb", "DescribeTable", TableName="Orders")["Table"]
    assert record.calls()[0].retries == 2


def test_the_runs_clock_is_awss(world: Any) -> None:
    """The run's clock is the date of AWS's first answer, not this machine's."""
    with sandboxed(world):
        identity, as_of = Live(incident_of(world, "INC-1")).identify()
    assert as_of == NOW.replace(microsecond=0)
    assert identity["Account"] == "123456789012"


def test_a_role_that_refuses_is_told_by_what_aws_says(world: Any) -> None:
    """A role that may not be assumed is named as that, with AWS's words, and not as a client's error."""
    incident = incident_of(world, "INC-1", assume_role_arn="arn:aws:iam::111122223333:role/Reader")
    with sandboxed(world, deny("sts", "AssumeRole")), pytest.raises(CannotRun) as refused:
        Live(incident)
    assert "The role cannot be assumed: User: " in str(refused.value)
    assert "`assume_role_arn`" in str(refused.value)


def test_streams_are_dynamodb_to_iam() -> None:
    """The IAM action of a streams call carries DynamoDB's prefix."""
    assert iam_action("dynamodbstreams", "GetRecords") == "dynamodb:GetRecords"
