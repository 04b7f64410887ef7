"""What judges, runs and shows asks a finding's card and a step's name; it knows no finding and no step by heart."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.findings import FINDINGS, FindingKind, finding
from runbook_lib.interpret.trail_event import EFFECTS, ENDS_STREAM
from runbook_lib.steps import STEPS

ROOMS = ("judging", "running", "sweep", "report", "views", "cli")
PACKAGE = Path(__file__).parent.parent / "runbook_lib"

_MODULES = {part for known in FINDINGS.values() for part in (known.module, *known.module.split("/"))}
_NUMBERED = re.compile(r"(?:^|/)(?:0[1-9]|10)[-_][a-z]")
"""The name of a notebook or of an evidence file of a step: `09-configuration_changes`."""
_REMEDY = re.compile(r"R[1-9]\d?")
_OF_STEPS = {"observe", "collect", "step", "step_view", "told_beside", "verdicts", "verdicts_view"}
"""Functions that take steps by their numbers."""
_HOLD_STEPS = re.compile(r"steps?(_|$)|_steps?$|^_?pages$|^beside$|^needs$", re.IGNORECASE)
"""Names of what holds steps, or numbers of steps."""


def _named(node: ast.AST) -> str:
    """The last part of a name: `observe` of `self.observe`."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _numbers(*nodes: ast.AST | None) -> bool:
    """Whether one of the nodes is the number of a step, or a row of such numbers."""
    inner = [
        part for node in nodes for part in (node.elts if isinstance(node, ast.Tuple | ast.List | ast.Set) else [node])
    ]
    return any(isinstance(part, ast.Constant) and type(part.value) is int and part.value in STEPS for part in inner)


def _offends(node: ast.AST) -> bool:
    """Whether a node names a finding, a module of findings, a remedy or a step by a literal."""
    match node:
        case ast.Constant(value=str(text)):
            return bool(text in FINDINGS or _NUMBERED.search(text) or _REMEDY.fullmatch(text))
        case ast.Compare(left=left, comparators=others):
            sides = (left, *others)
            words = {part.value for side in sides for part in ast.walk(side) if isinstance(part, ast.Constant)}
            by_module = any(_named(side) == "module" for side in sides) and bool(words & _MODULES)
            return by_module or (
                any(_HOLD_STEPS.search(_named(side)) or ast.unparse(side).endswith("step.number") for side in sides)
                and _numbers(*sides)
            )
        case ast.Call(func=called, args=given, keywords=keywords):
            by_name = [keyword.value for keyword in keywords if keyword.arg and _HOLD_STEPS.search(keyword.arg)]
            return _numbers(*by_name) or (_named(called) in _OF_STEPS and _numbers(*given))
        case ast.Subscript(value=held, slice=at):
            return bool(_HOLD_STEPS.search(_named(held))) and _numbers(at)
        case ast.Dict(keys=keys) if len(keys) > 1:
            return all(_numbers(key) for key in keys)
        case ast.Assign(targets=[target], value=value) | ast.AnnAssign(target=target, value=value):
            return bool(_HOLD_STEPS.search(_named(target))) and _numbers(value)
    return False


def _literals(tree: ast.AST) -> Iterator[str]:
    """Every place of a module that knows a finding, a remedy or a step by heart."""
    return (f"{node.lineno}: {ast.unparse(node)[:80]}" for node in ast.walk(tree) if _offends(node))  # type: ignore[attr-defined]


@pytest.mark.parametrize("room", ROOMS)
def test_no_finding_and_no_step_is_known_by_heart(room: str) -> None:
    """No literal in these rooms is the id or module of a finding, the id of a remedy, or the number of a step."""
    found = [
        f"{path.relative_to(PACKAGE)}:{place}"
        for path in sorted((PACKAGE / room).rglob("*.py"))
        for place in _literals(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert "\n".join(found) == ""


@pytest.mark.parametrize(
    "line",
    [
        'x = "noop-writes"',
        'gone = ids & {"stale-stream-arn"}',
        'first = finding.module != "authorization"',
        'inside = finding.module in ("loops", "capacity")',
        'mend = remedies["R2"]',
        'DIAGNOSIS = "10_diagnosis"',
        'path = f"evidence/09-configuration_changes.jsonl"',
        "self.observe(9, window=window)",
        "run.collect((2, 3))",
        "_STEP_OF_EVENTS = 9",
        "pages = {1: source, 2: stream}",
        "step = STEPS[9]",
        "late = step.number == 9",
        "page = _StepPage(answer, beside=(2,))",
    ],
)
def test_a_literal_is_found(line: str) -> None:
    """What was written in these rooms before there were traits, or might be, is found."""
    assert list(_literals(ast.parse(line)))


@pytest.mark.parametrize(
    "line",
    [
        'columns("Function", "State")',
        'state = "function"',
        "arn = text.split(':')[4]",
        "dumped(document, indent=2)",
        "codes = {0: 'no_fault', 1: 'fault'}",
        "self.observe(step_number('changes'))",
        'head = "00-run.jsonl"',
    ],
)
def test_other_words_and_numbers_are_free(line: str) -> None:
    """What only looks like a finding, a module or a step is no offence."""
    assert list(_literals(ast.parse(line))) == []


def test_no_card_names_a_remedy_by_its_number() -> None:
    """The cards of the findings name what is to be done, not the number that it has in documents."""
    found = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path in sorted((PACKAGE / "findings").rglob("*.py"))
        if path.name != "remedy_id.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _REMEDY.fullmatch(node.value)
    ]
    assert "\n".join(found) == ""


_CARD: dict[str, Any] = {
    "title": "It rains",
    "modes": (),
    "diagnosis": (1,),
    "reads": (1,),
    "source": "https://docs.aws.amazon.com/",
}


@pytest.mark.parametrize(
    ("details", "lacks"),
    [
        ({"stops": None, "remedies": (), "set_off_by": ("table-flooded",), "lag": timedelta(hours=1)}, "table-flooded"),
        ({"stops": None, "remedies": (), "set_off_by": ("table-deleted",)}, "lag"),
        ({"stops": None, "remedies": (), "set_off_by": (), "lag": timedelta(hours=1)}, "set_off_by"),
        ({"stops": None, "remedies": ()}, "set_off_by"),
        ({"remedies": (), "set_off_by": ()}, "stops"),
        ({"stops": None, "set_off_by": ()}, "remedies"),
    ],
)
def test_a_card_that_cannot_be_is_refused(details: dict[str, Any], lacks: str) -> None:
    """A cause that leaves something unsaid, or is set off by what no change does, fails at import by its id."""
    with pytest.raises(ValueError, match=rf"rain.*`{lacks}`"):
        finding("rain", kind=FindingKind.CAUSE, **_CARD, **details)
    assert "rain" not in FINDINGS


def test_effects_that_set_off_nothing_are_known() -> None:
    """Of all effects of changes these alone bring about no finding: they undo harm, or nobody knows what they do."""
    used = {effect for known in FINDINGS.values() for effect in known.set_off_by}
    assert EFFECTS - used == {"boundary-cleared", "concurrency-cleared", "other-change"}
    assert ENDS_STREAM <= EFFECTS


def test_a_plain_card_is_short() -> None:
    """What a symptom says beside its title, sources and steps is the default."""
    for known in FINDINGS.values():
        if known.kind is FindingKind.SYMPTOM:
            assert replace(known, stops=None, remedies=(), set_off_by=(), lag=timedelta(0)) == known
