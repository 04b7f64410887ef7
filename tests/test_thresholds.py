"""Judging turns on values that stand in one place, each with its reason: none hides in a function or above one."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import ModuleType

import pytest

from runbook_lib.measuring import thresholds as values

JUDGES = ("findings", "judging", "measuring", "running/recovery.py")
NO_THRESHOLDS = ("_LAG", "SCHEMA")
"""How constants are called that are none: the `lag` that several cards share, the version of a format."""


@pytest.fixture(scope="module")
def page(root: Path) -> ModuleType:
    """The maker of the page, imported the way `python docs/generate.py` does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(root / "docs"))
        import thresholds

        return thresholds


def _hidden(tree: ast.Module) -> Iterator[int]:
    """The lines of thresholds: durations, fractions and module constants, but no zero, one, or lag of a card."""
    exempt = {
        id(keyword.value) for node in ast.walk(tree) if isinstance(node, ast.Call) for keyword in node.keywords
        if keyword.arg == "lag"
    }  # fmt: skip
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if ast.unparse(target).endswith(NO_THRESHOLDS):
                exempt.add(id(node.value))
            elif isinstance(node.value, ast.Constant) and isinstance(node.value.value, int | float):
                yield node.lineno
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "timedelta" and id(node) not in exempt:
            lengths = [*node.args, *(keyword.value for keyword in node.keywords)]
            if any(isinstance(length, ast.Constant) and length.value for length in lengths):
                yield node.lineno
        elif isinstance(node, ast.Constant) and isinstance(node.value, float) and node.value not in (0.0, 1.0):
            yield node.lineno


def test_no_threshold_hides_among_what_judges(root: Path) -> None:
    """No finding, measure or judgement spells a duration, a fraction or a number that it turns on."""
    package, home = root / "runbook_lib", Path(values.__file__)
    files = [path for name in JUDGES for path in (sorted((package / name).rglob("*.py")) or [package / name])]
    assert len(files) > 30
    hidden = [
        f"{path.relative_to(root)}:{line}"
        for path in files
        if path != home
        for line in _hidden(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert hidden == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("_LATE = timedelta(minutes=10)", True),
        ("_MOST = 3", True),
        ("_SHARE: float = 0.5", True),
        ("late = [age for age in ages if age > timedelta(seconds=90)]", True),
        ("full = peak >= 0.95 * limit", True),
        ("_IAM_LAG = timedelta(minutes=15)", False),
        ("card = finding('x', lag=timedelta(hours=24))", False),
        ("SCHEMA = 2", False),
        ("age = timedelta(milliseconds=value)", False),
        ("early = timedelta(0)", False),
        ("share = max(used, 0.0)", False),
    ],
)
def test_a_hidden_threshold_is_found(line: str, found: bool) -> None:
    """A spelt value is found above functions and within them; the lag of a card, a reading and zero are none."""
    assert any(_hidden(ast.parse(line))) is found


SOURCES = ("judgement", "the playbook, ", "observed on ", "<https://docs.aws.amazon.com/")


def test_every_threshold_says_why_and_is_used(page: ModuleType) -> None:
    """Each has a value, a unit, a reason, a source, and something that it judges."""
    found = {each.name: each for each in page.read()}
    assert set(found) == {name for name in vars(values) if name.isupper()}
    for each in found.values():
        assert isinstance(each.value, timedelta) or each.unit, each.name
        assert each.value, each.name
        assert len(each.reason.split()) >= 5, each.name
        assert each.source.startswith(SOURCES), each.name
        assert each.used_in, f"{each.name} is used nowhere"


@pytest.mark.parametrize("text", ["Too late.", "Too late. Source: judgement", "Unit: bytes. Source: judgement."])
def test_a_threshold_without_its_reason_is_refused(page: ModuleType, text: str) -> None:
    """A bare number whose text lacks reason, unit or source makes no page."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "_texts", lambda: iter([("NEWEST_AGES", text)]))
        with pytest.raises(ValueError, match="NEWEST_AGES"):
            list(page.read())
