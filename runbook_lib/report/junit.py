"""`junit.xml`: a run as a suite of tests, one case per finding, for pipelines that read nothing else.

The suite fails or errs exactly when the command's exit code is not 0: what nobody could look at has not passed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from xml.etree import ElementTree

from runbook_lib._version import __version__
from runbook_lib.findings import FINDINGS, Finding, Verdict
from runbook_lib.judging.all_clear import puzzle
from runbook_lib.judging.diagnosis import Diagnosis, Status
from runbook_lib.showing.markup import visible

FAILURE, ERROR, SKIPPED, PASSED = "failure", "error", "skipped", "system-out"
"""What a case holds, by its outcome; one that passed holds what there is to say, if anything."""

_NO_TIME = "0"
"""Nothing was timed but calls, and those two runs would not share."""


@dataclass(frozen=True)
class JunitCase:
    """One case. `kind` is the type of a failure or error; `lines` are its text."""

    place: str
    name: str
    outcome: str = PASSED
    kind: str = ""
    message: str = ""
    lines: tuple[str, ...] = ()


def junit(diagnosis: Diagnosis) -> bytes:
    """Give a diagnosis as JUnit XML, as Jenkins, GitLab and their like read it; the same diagnosis, the same bytes."""
    name = f"runbook {diagnosis.incident.incident_id}"
    return written(name, f"{diagnosis.as_of:%Y-%m-%dT%H:%M:%S}", _properties(diagnosis), tuple(_cases(diagnosis)))


def written(name: str, began: str, properties: Iterable[tuple[str, str]], cases: tuple[JunitCase, ...]) -> bytes:
    """Write one suite; whatever AWS or a parameter brought in is made visible first."""
    counts = {
        name: str(sum(case.outcome == outcome for case in cases))
        for name, outcome in (("failures", FAILURE), ("errors", ERROR), ("skipped", SKIPPED))
    }
    totals = {"tests": str(len(cases)), **counts, "time": _NO_TIME}
    root = ElementTree.Element("testsuites", totals)
    suite = ElementTree.SubElement(root, "testsuite", {"name": visible(name), **totals, "timestamp": began})
    told = ElementTree.SubElement(suite, "properties")
    for key, value in properties:
        ElementTree.SubElement(told, "property", {"name": key, "value": visible(value)})
    for case in cases:
        _add(suite, case)
    ElementTree.indent(root)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _add(suite: ElementTree.Element, case: JunitCase) -> None:
    """Write one case; whatever character XML cannot hold is written out."""
    named = {"classname": visible(case.place), "name": visible(case.name), "time": _NO_TIME}
    element = ElementTree.SubElement(suite, "testcase", named)
    if case.outcome == PASSED and not case.lines:
        return
    attributes = {"type": case.kind, "message": visible(case.message)}
    inside = ElementTree.SubElement(element, case.outcome, {key: value for key, value in attributes.items() if value})
    inside.text = "\n".join(map(visible, case.lines)) or None


def _properties(diagnosis: Diagnosis) -> Iterator[tuple[str, str]]:
    incident = diagnosis.incident
    yield "status", diagnosis.status.value
    yield "sentence", diagnosis.sentence
    yield "loss", diagnosis.loss.sentence(diagnosis.as_of)
    yield "region", incident.region
    yield "table", incident.table_name
    yield "function", incident.function_name
    yield "kit_version", __version__


def _cases(diagnosis: Diagnosis) -> Iterator[JunitCase]:
    """Give a case for every finding there is, in one order for all runs, and one for what none of them explains."""
    told = {case.name: case for case in _causes_and_gaps(diagnosis)}
    for finding in FINDINGS.values():
        yield told.get(finding.id) or JunitCase(_place(finding), finding.id)
    if diagnosis.unexplained and not diagnosis.causes:
        message = puzzle(diagnosis.stages)
        yield JunitCase("findings", "unexplained", ERROR, "unexplained", message, diagnosis.unexplained)
    elif diagnosis.unproved:
        yield JunitCase("findings", "unproved", ERROR, "unproved", "An all-clear lacks something", diagnosis.unproved)


def _causes_and_gaps(diagnosis: Diagnosis) -> Iterator[JunitCase]:
    """Give the cases of which there is something to say: all but absent findings that could be no cause."""
    for kind, faults in (("cause", diagnosis.causes), ("latent fault", diagnosis.latent)):
        for verdict in faults:
            lines = (*_bulleted(verdict.because), *_unexplained(verdict), *_remedy(verdict, diagnosis))
            yield JunitCase(_place(verdict.finding), verdict.finding.id, FAILURE, kind, _title(verdict), lines)
    for verdict in (*diagnosis.contributing, *diagnosis.symptoms, *diagnosis.innocent):
        lines = (f"Present, {verdict.finding.kind}: {_title(verdict)}", *_bulleted(verdict.because))
        yield JunitCase(_place(verdict.finding), verdict.finding.id, lines=lines)
    for verdict in diagnosis.ruled_out:
        yield JunitCase(_place(verdict.finding), verdict.finding.id, lines=("Absent.", *_bulleted(verdict.because)))
    unsettled = SKIPPED if diagnosis.status is Status.NO_FAULT else ERROR
    for verdict in diagnosis.undetermined:
        message = f"Could not be seen; needs {', '.join(verdict.lacking)}"
        reasons = dict.fromkeys(gap.reason for gap in verdict.needs)
        kind = "undetermined" if unsettled == ERROR else ""
        yield JunitCase(_place(verdict.finding), verdict.finding.id, unsettled, kind, message, _bulleted(reasons))


def _place(finding: Finding) -> str:
    """Name the module of a finding, which is the stage of the pipe, as such tools name a class."""
    return f"findings.{finding.module.replace('/', '.')}"


def _title(verdict: Verdict) -> str:
    return f"{verdict.finding.title} ({verdict.confidence})"


def _bulleted(sentences: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"- {sentence}" for sentence in sentences)


def _unexplained(verdict: Verdict) -> tuple[str, ...]:
    return tuple(f"Not explained by it: {sentence}" for sentence in verdict.unexplained)


def _remedy(verdict: Verdict, diagnosis: Diagnosis) -> tuple[str, ...]:
    """Give the finding's first remedy: the command never without its risk."""
    prescribed = {remedy.id: remedy for remedy in diagnosis.remedies}
    first = next((prescribed[id] for id in verdict.finding.remedies if id in prescribed), None)
    return (f"Do first: {first.title}. Risk: {first.risk}", first.command) if first else ()
