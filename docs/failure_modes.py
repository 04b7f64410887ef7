"""The page of failure modes: what a card's `modes=("B3",)` means, who recognises it, and what shows it."""

from __future__ import annotations

from collections.abc import Iterator

from catalogue import covering, fault_links, finding_link
from pieces import code, document, link, table
from runbook_lib.findings import FINDINGS
from runbook_lib.findings.modes import GROUPS, MODES
from runbook_lib.findings.unseen import UNSEEN


def page() -> str:
    """The whole catalogue, a table for each group."""
    intro = (
        "Every way in which a trigger fails, or seems to, under the id that the cards of findings name it by"
        ' (`modes=("B3",)`). A mode that no finding recognises says why. Findings that follow from any fault, such as'
        f" {', '.join(code(finding.id) for finding in FINDINGS.values() if not finding.modes)}, have no mode."
    )
    header = ("mode", "is", "recognised by", "faults that show it", "source")
    parts = (f"## {group}. {title}\n\n{table(header, _rows(group))}" for group, title in GROUPS.items())
    return document("Failure modes", intro, *parts)


def _rows(group: str) -> Iterator[tuple[str, ...]]:
    for id, mode in MODES.items():
        if not id.startswith(group):
            continue
        found = tuple(finding for finding in FINDINGS.values() if id in finding.modes)
        faults = dict.fromkeys(fault for finding in found for fault in covering(finding.id))
        sources = dict.fromkeys(finding.source for finding in found)
        yield (
            f'<a id="{id}"></a>{id}',
            mode.name,
            ", ".join(finding_link(finding.id) for finding in found) or f"nothing: {_unseen(id)}",
            fault_links(tuple(faults)) if found else "-",
            ", ".join(_source(source) for source in sources) or "-",
        )


def _unseen(id: str) -> str:
    return " ".join(unseen.why for unseen in UNSEEN if unseen.mode == id)


def _source(source: str) -> str:
    return link(source.rpartition("/")[2].removesuffix(".html"), source) if source.startswith("http") else source
