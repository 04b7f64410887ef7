"""`junit.xml` for pipelines: valid, whole, and never greener than the verdict."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import pytest
from example_evidence import DENIED, example, judged, with_observations
from worlds import investigated

from runbook_lib.findings import FINDINGS, Sign, Weight
from runbook_lib.judging.diagnosis import Diagnosis, Status
from runbook_lib.report.junit import junit

WORLDS = ("healthy", "mapping-paused", "no-table-writes", "poison-record", "trail-denied")
SHARED = [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in WORLDS]

ELEMENTS = {
    "testsuites": ({"tests", "failures", "errors", "skipped", "time"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors", "skipped", "time", "timestamp"},
        {"properties", "testcase"},
    ),
    "properties": (set(), {"property"}),
    "property": ({"name", "value"}, set()),
    "testcase": ({"classname", "name", "time"}, {"failure", "error", "skipped", "system-out"}),
    "failure": ({"type", "message"}, set()),
    "error": ({"type", "message"}, set()),
    "skipped": ({"message"}, set()),
    "system-out": (set(), set()),
}
"""What an element holds: exactly these attributes, and of these children."""


def parsed(diagnosis: Diagnosis) -> ElementTree.Element:
    """Give the one suite of a diagnosis, after having looked at its form."""
    root = ElementTree.fromstring(junit(diagnosis))
    for element in root.iter():
        attributes, children = ELEMENTS[element.tag]
        assert set(element.attrib) == attributes, element.tag
        assert {child.tag for child in element} <= children, element.tag
    (suite,) = root
    assert next(child.tag for child in suite) == "properties"
    assert all(len(case) <= 1 for case in suite.findall("testcase"))
    for counted, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped"), ("tests", "testcase")):
        assert root.get(counted) == suite.get(counted) == str(len(list(suite.iter(tag))))
    return suite


def outcome(suite: ElementTree.Element, id: str) -> ElementTree.Element | None:
    """Give what the case of a finding holds; None where it holds nothing and so has passed."""
    (case,) = suite.findall(f"testcase[@name='{id}']")
    return case[0] if len(case) else None


@pytest.mark.parametrize("name", SHARED)
def test_every_finding_is_one_case(name: str) -> None:
    """Whatever a run found, its cases are the findings there are, in one order; what is unexplained comes last."""
    names = [case.get("name") for case in parsed(investigated(name).diagnosis).findall("testcase")]
    assert [name for name in names if name != "unexplained"] == list(FINDINGS)


@pytest.mark.parametrize("name", SHARED)
def test_suite_is_as_red_as_the_exit_code(name: str) -> None:
    """A suite has failures or errors exactly when the command does not end with 0."""
    diagnosis = investigated(name).diagnosis
    suite = parsed(diagnosis)
    red = int(suite.get("failures", "")) + int(suite.get("errors", ""))
    assert bool(red) == bool(diagnosis.exit_code)


@pytest.mark.xdist_group("mapping-paused")
def test_cause_fails_with_reasons_and_remedy() -> None:
    """The case of a cause tells title, confidence, every reason, and the first remedy's command with its risk."""
    diagnosis = investigated("mapping-paused").diagnosis
    cause = diagnosis.causes[0]
    failure = outcome(parsed(diagnosis), cause.finding.id)
    assert failure is not None
    assert failure.tag == "failure"
    assert failure.get("message") == f"{cause.finding.title} ({cause.confidence})"
    remedy = diagnosis.remedies[0]
    for said in (*cause.because, remedy.command, remedy.risk):
        assert said in str(failure.text)


@pytest.mark.xdist_group("mapping-paused")
def test_cause_without_remedy_still_fails() -> None:
    """Where no remedy was prescribed, the case fails without one."""
    diagnosis = replace(investigated("mapping-paused").diagnosis, remedies=())
    failure = outcome(parsed(diagnosis), diagnosis.causes[0].finding.id)
    assert failure is not None
    assert "Do first" not in str(failure.text)


@pytest.mark.xdist_group("mapping-paused")
def test_latent_fault_fails() -> None:
    """What the next write would meet fails as a cause does, and is called what it is."""
    found = investigated("mapping-paused").diagnosis
    failure = outcome(parsed(replace(found, causes=(), latent=found.causes)), found.causes[0].finding.id)
    assert failure is not None
    assert (failure.tag, failure.get("type")) == ("failure", "latent fault")


@pytest.mark.xdist_group("stream-recreated")
def test_unseen_never_passes() -> None:
    """With any step unseen, each finding that it left undetermined errs, or is skipped where the pipe works."""
    for step in ("mappings", "role", "metrics"):
        diagnosis = judged(with_observations(example(), **{step: DENIED})).diagnosis
        suite = parsed(diagnosis)
        wanted = "skipped" if diagnosis.status is Status.NO_FAULT else "error"
        assert diagnosis.undetermined
        for verdict in diagnosis.undetermined:
            held = outcome(suite, verdict.finding.id)
            assert held is not None
            assert held.tag == wanted
            assert verdict.lacking[0] in held.get("message", "")


@pytest.mark.xdist_group("healthy")
def test_unseen_is_skipped_where_nothing_needed_is_unseen() -> None:
    """On a pipe that works, AWS Health out of reach is a skipped case: neither red nor passed."""
    suite = parsed(investigated("healthy").diagnosis)
    held = outcome(suite, "service-event")
    assert held is not None
    assert held.tag == "skipped"
    assert (suite.get("failures"), suite.get("errors")) == ("0", "0")


@pytest.mark.xdist_group("healthy")
def test_unexplained_break_errs() -> None:
    """A break that no cause explains is an error of its own, as no finding has failed."""
    diagnosis = replace(
        investigated("healthy").diagnosis, status=Status.UNDETERMINED, unexplained=("Nothing comes out.",)
    )
    held = outcome(parsed(diagnosis), "unexplained")
    assert held is not None
    assert (held.tag, held.text) == ("error", "Nothing comes out.")


@pytest.mark.xdist_group("mapping-paused")
def test_what_is_no_cause_passes_and_says_so() -> None:
    """Symptoms and what is innocent pass with their reasons; a cause that is ruled out passes with its own."""
    diagnosis = investigated("mapping-paused").diagnosis
    suite = parsed(diagnosis)
    said = (*diagnosis.contributing, *diagnosis.symptoms, *diagnosis.innocent, *diagnosis.ruled_out)
    assert diagnosis.symptoms
    assert diagnosis.ruled_out
    for verdict in said:
        held = outcome(suite, verdict.finding.id)
        assert held is not None
        assert held.tag == "system-out"
        assert all(sentence in str(held.text) for sentence in verdict.because)


@pytest.mark.xdist_group("mapping-paused")
def test_hostile_text_stays_text() -> None:
    """Control characters, lone surrogates, markup and ends of sections reach the file written out, and it parses."""
    found = investigated("mapping-paused").diagnosis
    hostile = "\x00\x1b[2J \ud800 \uffff \u202e </failure>]]><x a='1'> & \r\n"
    sign = Sign(Weight.SIGN, hostile, ())
    cause = replace(found.causes[0], signs=(sign,), unexplained=(hostile,))
    failure = outcome(parsed(replace(found, causes=(cause,))), cause.finding.id)
    assert failure is not None
    assert "- \\x00\\x1b[2J \\ud800 \\uffff \\u202e </failure>]]><x a='1'> & \\r\\n" in str(failure.text)


@pytest.mark.xdist_group("mapping-paused")
def test_time_is_the_clock_of_the_run() -> None:
    """The suite's time is the run's clock, no case has one of its own, and two exports are the same bytes."""
    diagnosis = investigated("mapping-paused").diagnosis
    suite = parsed(diagnosis)
    assert suite.get("timestamp") == f"{diagnosis.as_of:%Y-%m-%dT%H:%M:%S}"
    assert {case.get("time") for case in suite.iter("testcase")} == {"0"}
    assert junit(diagnosis) == junit(diagnosis)
