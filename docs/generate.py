"""Write the generated pages of docs/ from the code they describe, or check that they are current.

python docs/generate.py            write them
python docs/generate.py --check    name what is out of date, and fail
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import catalogue
import failure_modes
import playbook_map
import rooms
import telling
import thresholds
import witness

DOCS = Path(__file__).parent


def pages() -> dict[str, str]:
    """Every generated page by its path below docs/, in full."""
    return {
        "architecture.md": rooms.page(),
        "playbook-map.md": playbook_map.page(),
        "faults.md": catalogue.faults(),
        "failure-modes.md": failure_modes.page(),
        "telling-a-world.md": telling.page(),
        "observations.md": witness.page(),
        "thresholds.md": thresholds.page(),
        "iam-policy.md": catalogue.permissions(),
        "iam-policy.json": catalogue.policy(),
        "findings/README.md": catalogue.findings(),
        **{f"findings/{finding_id}.md": text for finding_id, text in catalogue.each_finding()},
    }


def outdated(docs: Path, wanted: dict[str, str]) -> Iterator[str]:
    """Name each page that is missing or differs, and each page of a finding that is gone."""
    for name, text in wanted.items():
        path = docs / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            yield name
    yield from (name for name in _findings_in(docs) if name not in wanted)


def write(docs: Path, wanted: dict[str, str]) -> None:
    """Write every page, and remove those of findings that are gone."""
    for name in _findings_in(docs):
        if name not in wanted:
            (docs / name).unlink()
    for name, text in wanted.items():
        (docs / name).parent.mkdir(parents=True, exist_ok=True)
        (docs / name).write_text(text, encoding="utf-8")


def _findings_in(docs: Path) -> list[str]:
    return sorted(f"findings/{path.name}" for path in (docs / "findings").glob("*.md"))


def main(arguments: list[str]) -> int:
    """Write, or with `--check` compare; the exit code is 1 when a page is out of date."""
    if arguments == ["--check"]:
        stale = list(outdated(DOCS, pages()))
        for name in stale:
            print(f"docs/{name} is out of date: run make docs and commit it", file=sys.stderr)
        return 1 if stale else 0
    if arguments:
        print("usage: python docs/generate.py [--check]", file=sys.stderr)
        return 2
    write(DOCS, pages())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
