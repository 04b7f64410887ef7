"""What the diagnosis tells beside its findings: the neighbours, the playbook's alternatives, what it proposes."""

from __future__ import annotations

from runbook_lib.judging.diagnosis import Diagnosis
from runbook_lib.showing.blocks import Block, Prose, Stack, TableBlock
from runbook_lib.views.words import columns

_WORKS = {True: "works", False: "does not work", None: "not known"}


def comparison_view(diagnosis: Diagnosis) -> Stack:
    """Show who else reads the stream or feeds the function, and how far the harm seems to reach (clause 8)."""
    compared = diagnosis.comparison
    if compared is None:
        return Stack("Compared with neighbours", (Prose.of("Nothing was compared.", style="gap"),))
    rows = tuple(
        (neighbour.name, neighbour.relation.value, _WORKS[neighbour.works], neighbour.basis)
        for neighbour in compared.neighbours
    )
    refs = tuple(dict.fromkeys(ref for neighbour in compared.neighbours for ref in neighbour.refs if ref))
    head = columns("Neighbour", "What it is", "State", "Read from")
    shown: list[Block] = [Prose.of(compared.sentence, style="answer")]
    if rows:
        shown.append(
            TableBlock("Neighbours", head, rows, "A neighbour that works is a hint, and clears nothing.", refs)
        )
    return Stack("Compared with neighbours", tuple(shown))


def fallbacks_view(diagnosis: Diagnosis) -> Stack:
    """Show the alternatives of the playbook's last paragraph, those worth a look first."""
    title = "Where else was looked"
    if not diagnosis.fallbacks:
        return Stack(title, (Prose.of("A trigger was found, or no fault: the alternatives were not needed."),))
    ordered = sorted(diagnosis.fallbacks, key=lambda fallback: not fallback.notable)
    rows = tuple((fallback.title, fallback.answer, "yes" if fallback.notable else "-") for fallback in ordered)
    refs = tuple(dict.fromkeys(ref for fallback in ordered for ref in fallback.refs))
    head = columns("Alternative", "What was found", "Worth a look")
    return Stack(title, (TableBlock("Alternatives", head, rows, None, refs),))


def proposals_view(diagnosis: Diagnosis) -> Stack:
    """Show what would have told of the incident sooner, or made it cost less, each with what speaks for it."""
    title = "Proposed actions"
    if not diagnosis.proposals:
        return Stack(title, (Prose.of("Nothing is proposed: nothing was seen to be missing."),))
    rows = tuple((proposal.what, proposal.why) for proposal in diagnosis.proposals)
    refs = tuple(dict.fromkeys(ref for proposal in diagnosis.proposals for ref in proposal.refs))
    return Stack(title, (TableBlock("Actions and their reasons", columns("Action", "Because"), rows, None, refs),))
