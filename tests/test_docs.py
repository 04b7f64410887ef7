"""The documentation says what is so: generated pages are current, links lead somewhere, commands exist."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from unittest import mock

import pytest

from runbook_lib.judging import fallbacks
from runbook_lib.sandbox import World
from runbook_lib.sandbox.faults.fault import FAULTS

PLAYBOOK_STEPS = [str(number) for number in range(1, 10)]
FALLBACKS = list(fallbacks._REVIEW)


@pytest.fixture(scope="module")
def generate(root: Path) -> ModuleType:
    """The generator, imported the way `python docs/generate.py` runs it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(root / "docs"))
        import generate

        return generate


@pytest.fixture(scope="module")
def pages(generate: ModuleType) -> dict[str, str]:
    """Every generated page, made anew."""
    return generate.pages()


def test_generated_pages_are_current(generate: ModuleType, pages: dict[str, str], root: Path) -> None:
    """What is committed below docs/ is what the code says now."""
    assert list(generate.outdated(root / "docs", pages)) == []


def test_outdated_pages_are_named(generate: ModuleType, pages: dict[str, str], tmp_path: Path) -> None:
    """A page that differs, is missing or describes a finding that is gone is out of date; writing mends all three."""
    generate.write(tmp_path, pages)
    assert list(generate.outdated(tmp_path, pages)) == []
    (tmp_path / "faults.md").write_text("edited by hand", encoding="utf-8")
    (tmp_path / "iam-policy.json").unlink()
    (tmp_path / "findings/long-gone.md").write_text("", encoding="utf-8")
    assert set(generate.outdated(tmp_path, pages)) == {"faults.md", "iam-policy.json", "findings/long-gone.md"}
    generate.write(tmp_path, pages)
    assert list(generate.outdated(tmp_path, pages)) == []


def test_examples_of_telling_a_world_run(root: Path) -> None:
    """The Python of the page on telling a world runs from top to bottom, and what it asserts holds."""
    text = (root / "docs/telling-a-world.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)
    assert len(blocks) >= 4
    names: dict[str, object] = {"__name__": "telling_a_world"}
    with mock.patch.dict(FAULTS):
        for block in blocks:
            exec(block, names)


def test_every_verb_of_a_world_has_its_line(pages: dict[str, str]) -> None:
    """Each public verb of a world stands on the page with what it does."""
    page = pages["telling-a-world.md"]
    verbs = [name for name in dir(World) if inspect.isfunction(getattr(World, name)) and not name.startswith("_")]
    assert len(verbs) > 50
    assert [name for name in verbs if not re.search(rf"^\| `{name}\(.*\)` \| \S.*\.? \|$", page, re.MULTILINE)] == []


def _rows(page: str, heading: str) -> list[list[str]]:
    """The cells of the table below a heading, without its two head lines."""
    section = re.split(r"^## ", page.split(f"\n## {heading}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [re.split(r"(?<!\\) \| ", line.strip("| ")) for line in lines[2:]]


@pytest.mark.parametrize(
    ("heading", "keys"), [("Steps", PLAYBOOK_STEPS), ("Diagnosis", PLAYBOOK_STEPS), ("Fallbacks", FALLBACKS)]
)
def test_the_map_is_complete(heading: str, keys: list[str], pages: dict[str, str]) -> None:
    """Every step, clause and fallback has its row, and no cell of it is empty: what is missing says so."""
    rows = _rows(pages["playbook-map.md"], heading)
    assert [row[0] for row in rows] == keys
    assert all(len(row) == 5 and all(cell.strip() for cell in row) for row in rows)


def test_the_map_owns_up(pages: dict[str, str]) -> None:
    """A finding that the map names and nobody has built is marked, in the same cell, as not yet covered."""
    from runbook_lib.findings import FINDINGS

    unlinked = re.findall(r"(?<!\[)`([a-z]+(?:-[a-z]+)+)`(?!\])([^,|]*)", pages["playbook-map.md"])
    assert {name for name, said in unlinked if "not yet covered" not in said} == set()
    assert {name for name, _ in unlinked} & set(FINDINGS) == set()


def test_every_finding_has_its_page(pages: dict[str, str]) -> None:
    """Each finding is explained on a page of its own with its reason, its remedies and its source."""
    from runbook_lib.findings import FINDINGS

    for finding in FINDINGS.values():
        page = pages[f"findings/{finding.id}.md"]
        assert finding.title in page
        assert finding.why in page
        assert finding.source in page
        assert all(f"### {remedy}: " in page for remedy in finding.remedies), finding.id


def test_policy_is_what_the_command_prints(root: Path) -> None:
    """docs/iam-policy.json is the document that `runbook policy` prints."""
    printed = subprocess.run(
        [sys.executable, "-m", "runbook_lib", "policy"], cwd=root, capture_output=True, text=True, check=True
    )
    assert json.loads(printed.stdout) == json.loads((root / "docs/iam-policy.json").read_text(encoding="utf-8"))


def _documents(root: Path) -> list[Path]:
    named = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")
    return [*(root / name for name in named), *sorted((root / "docs").rglob("*.md"))]


def test_links_lead_somewhere(root: Path) -> None:
    """Every relative link of the documentation leads to a file that exists, and to a place in it that exists."""
    broken = []
    for document in _documents(root):
        for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text(encoding="utf-8")):
            if "://" in target:
                continue
            name, _, place = target.partition("#")
            path = (document.parent / name).resolve() if name else document
            if not path.exists() or (place and place not in _places(path)):
                broken.append(f"{document.relative_to(root)}: {target}")
    assert broken == []


def _places(path: Path) -> set[str]:
    """The anchors of a page: those given, and those GitHub makes of headings."""
    text = path.read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    made = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return made | set(re.findall(r'<a id="([^"]+)">', text))


def test_readme_names_every_target(root: Path) -> None:
    """Every target of the Makefile is explained in the README, and the README names no other."""
    targets = set(re.findall(r"^([a-z][a-z-]*):(?!=)", (root / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z][a-z-]*)", _code((root / "README.md").read_text(encoding="utf-8"))))
    assert named == targets


def test_readme_names_every_command(root: Path) -> None:
    """Every command of `runbook` is explained in the README, and the documentation names no other."""
    helped = subprocess.run(
        [sys.executable, "-m", "runbook_lib", "--help"], cwd=root, capture_output=True, text=True, check=True
    ).stdout
    commands = set(re.findall(r"^ {4}([a-z]+)(?: |$)", helped, re.MULTILINE))
    written = {
        path: set(re.findall(r"\brunbook ([a-z]+)", _code(path.read_text(encoding="utf-8"))))
        for path in _documents(root)
    }
    assert written[root / "README.md"] == commands
    assert {name for named in written.values() for name in named} <= commands


@pytest.mark.sampled
def test_readme_shows_what_the_demo_prints(root: Path, tmp_path: Path) -> None:
    """The output in the README has the lines that `runbook demo` prints, and the same cause; only its times differ."""
    ran = subprocess.run(
        [sys.executable, "-m", "runbook_lib", "demo", "--archive", str(tmp_path)],
        cwd=root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    shown = re.search(
        r"```text\n(The sandbox plays.*?)```", (root / "README.md").read_text(encoding="utf-8"), re.DOTALL
    )
    assert shown
    assert _labels(shown.group(1)) == _labels(ran.stdout)
    assert _cause(shown.group(1)) == _cause(ran.stdout)


def _labels(output: str) -> list[str]:
    """What stands in the first column, such as `Verdict`; the first line is the story."""
    return [label for line in output.splitlines()[1:] if (label := line[:11].strip())]


def _cause(output: str) -> list[str]:
    return re.findall(r"^Cause \d +(\S+ \(\w+\))", output, re.MULTILINE)


def test_every_parameter_is_explained(root: Path) -> None:
    """The operating guide explains each parameter of an incident, and no other."""
    from runbook_lib.incident import Incident

    rows = _rows((root / "docs/operating.md").read_text(encoding="utf-8"), "Parameters")
    assert [row[0].strip("`") for row in rows] == Incident.parameter_names()


def _code(text: str) -> str:
    """What a page sets in code: blocks and spans."""
    return "\n".join(re.findall(r"```.*?```|`[^`\n]+`", text, re.DOTALL))
