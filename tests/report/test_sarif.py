"""`findings.sarif`: what SARIF 2.1.0 asks for, and the verdict in it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from example_evidence import DENIED, evidence_in, example, judged, with_observations
from jsonschema import Draft202012Validator
from worlds import investigated

from runbook_lib.evidence import Evidence
from runbook_lib.findings import Sign, Weight
from runbook_lib.judging.diagnosis import Diagnosis, Status
from runbook_lib.report.sarif import sarif

WORLDS = ("healthy", "mapping-paused", "no-table-writes", "poison-record", "trail-denied")


def _object(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    """Give the schema of an object that knows these properties and no others."""
    return {
        "type": "object",
        "properties": {name.removesuffix("_"): value for name, value in properties.items()},
        "required": list(required),
        "additionalProperties": False,
    }


def _array(items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": items, **more}


TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
BAG = {"type": "object"}
MESSAGE = _object(("text",), text=TEXT)
LOCATION = _object(
    ("logicalLocations",),
    logicalLocations=_array(_object(("name",), name=TEXT, fullyQualifiedName=TEXT, kind=TEXT), uniqueItems=True),
)
RULE = _object(
    ("id",),
    id=TEXT,
    shortDescription=MESSAGE,
    fullDescription=MESSAGE,
    helpUri={"type": "string", "format": "uri", "pattern": "^https://"},
    properties=BAG,
)
RESULT = _object(
    ("message",),
    ruleId=TEXT,
    ruleIndex={"type": "integer", "minimum": -1},
    kind={"enum": ["notApplicable", "pass", "fail", "review", "open", "informational"]},
    level={"enum": ["none", "note", "warning", "error"]},
    message=MESSAGE,
    locations=_array(LOCATION),
    properties=BAG,
)
RESULT["if"] = {"properties": {"kind": {"const": "fail"}}}
RESULT["then"] = {"properties": {"level": {"enum": ["error", "warning"]}}}
RESULT["else"] = {"properties": {"level": {"const": "none"}}}
NOTIFICATION = _object(
    ("message",), level={"enum": ["none", "note", "warning", "error"]}, message=MESSAGE, properties=BAG
)
INVOCATION = _object(
    ("executionSuccessful",),
    executionSuccessful={"type": "boolean"},
    exitCode={"type": "integer"},
    startTimeUtc={"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$"},
    toolExecutionNotifications=_array(NOTIFICATION),
)
DRIVER = _object(("name",), name=TEXT, version=TEXT, rules=_array(RULE, uniqueItems=True))
RUN = _object(
    ("tool",),
    tool=_object(("driver",), driver=DRIVER),
    automationDetails=_object(id=TEXT),
    invocations=_array(INVOCATION),
    results=_array(RESULT),
    properties=BAG,
)
SCHEMA = _object(
    ("version", "runs"),
    **{"$schema": {"type": "string", "format": "uri"}, "version": {"const": "2.1.0"}, "runs": _array(RUN)},
)
"""The part of the SARIF 2.1.0 schema that we use, written down by hand from the specification."""


def logged(diagnosis: Diagnosis, seen: Evidence) -> dict[str, Any]:
    """Give the one run of a diagnosis's log, after having looked at its form."""
    log = json.loads(sarif(diagnosis, seen))
    Draft202012Validator(SCHEMA).validate(log)
    (run,) = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert len(rules) == len(set(rules))
    assert [rules[result["ruleIndex"]] for result in run["results"]] == [result["ruleId"] for result in run["results"]]
    assert isinstance(run, dict)
    return run


def run_of(name: str, **changed: Any) -> dict[str, Any]:
    """Give the run of a world, with changes to its diagnosis."""
    done = investigated(name)
    return logged(replace(done.diagnosis, **changed), evidence_in(done.folder))


def test_schema_is_a_schema() -> None:
    """The part of the schema that logs are held to is itself valid, and refuses what the specification refuses."""
    Draft202012Validator.check_schema(SCHEMA)
    open_error = {"message": {"text": "x"}, "kind": "open", "level": "error"}
    assert not Draft202012Validator(RESULT).is_valid(open_error)
    assert Draft202012Validator(RESULT).is_valid({**open_error, "level": "none"})


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in WORLDS])
def test_results_are_what_was_found(name: str) -> None:
    """A rule and a result stand for each finding that is present or undetermined, and for no other."""
    found = investigated(name).diagnosis
    run = run_of(name)
    kinds = {result["ruleId"]: (result["kind"], result["level"]) for result in run["results"]}
    expected = {
        verdict.finding.id: told
        for listed, told in (
            (found.causes, ("fail", "error")),
            (found.latent + found.contributing, ("fail", "warning")),
            (found.symptoms + found.innocent, ("informational", "none")),
            (found.undetermined, ("open", "none")),
        )
        for verdict in listed
    }
    unexplained = {"unexplained": ("fail", "error")} if found.unexplained and not found.causes else {}
    assert kinds == expected | unexplained
    assert run["invocations"][0]["exitCode"] == found.exit_code
    assert run["invocations"][0]["executionSuccessful"] is True


@pytest.mark.xdist_group("mapping-paused")
def test_cause_says_why_and_where() -> None:
    """The result of a cause holds its reasons, its evidence, and the ARNs of table, stream and function."""
    cause = investigated("mapping-paused").diagnosis.causes[0]
    result = next(result for result in run_of("mapping-paused")["results"] if result["ruleId"] == cause.finding.id)
    assert all(sentence in result["message"]["text"] for sentence in cause.because)
    assert result["properties"] == {"confidence": cause.confidence, "evidence": list(cause.refs)}
    table, stream, function = (
        location["fullyQualifiedName"] for location in result["locations"][0]["logicalLocations"]
    )
    assert table.startswith("arn:aws:dynamodb:")
    assert stream.startswith(f"{table}/stream/")
    assert function.startswith("arn:aws:lambda:")


@pytest.mark.xdist_group("stream-recreated")
def test_both_streams_are_named() -> None:
    """Where the mapping reads another stream than the table's latest one, both are named."""
    run = logged(investigated("stream-recreated").diagnosis, example())
    named = [location["fullyQualifiedName"] for location in run["results"][0]["locations"][0]["logicalLocations"]]
    assert sum("/stream/" in arn for arn in named) == 2


@pytest.mark.xdist_group("stream-recreated")
def test_unseen_is_open_and_a_warning() -> None:
    """What could not be seen is open with what it needs, a warning of the tool, and a name without an ARN."""
    seen = with_observations(example(), mappings=DENIED, streams=DENIED)
    run = logged(judged(seen).diagnosis, seen)
    opened = [result for result in run["results"] if result["kind"] == "open"]
    assert opened
    assert all("Undetermined" in result["message"]["text"] for result in opened)
    assert any("Needs lambda:Granted" in result["message"]["text"] for result in opened)
    warned = run["invocations"][0]["toolExecutionNotifications"]
    assert "May not be called." in [result["message"]["text"] for result in warned]
    assert run["results"][0]["locations"][0]["logicalLocations"] == [
        {"name": "Orders", "kind": "resource"},
        {"name": "orders-projector", "kind": "resource"},
    ]


@pytest.mark.xdist_group("healthy")
def test_unexplained_break_fails() -> None:
    """A break that no cause explains is an error of its own, with what was seen of it."""
    run = run_of("healthy", status=Status.UNDETERMINED, unexplained=("Nothing comes out.",))
    (result,) = (result for result in run["results"] if result["kind"] == "fail")
    assert (result["ruleId"], result["level"]) == ("unexplained", "error")
    assert "Nothing comes out." in result["message"]["text"]


@pytest.mark.xdist_group("mapping-paused")
def test_hostile_text_stays_text() -> None:
    """Text of others is no control character, no placeholder and no link."""
    found = investigated("mapping-paused").diagnosis
    sign = Sign(Weight.SIGN, "\x1b\ud800 [x](javascript:1) {0}", ())
    run = run_of("mapping-paused", causes=(replace(found.causes[0], signs=(sign,)),))
    assert run["results"][0]["message"]["text"].endswith("\n- \\x1b\\ud800 [x] (javascript:1) {{0}}")


@pytest.mark.xdist_group("mapping-paused")
def test_same_evidence_gives_the_same_bytes() -> None:
    """Two exports of one run are one text, and it can be written as UTF-8."""
    done = investigated("mapping-paused")
    first, second = (sarif(done.diagnosis, evidence_in(done.folder)) for _ in range(2))
    assert first.encode() == second.encode()
