"""What was concluded, shown: the verdict, the whole diagnosis, the findings of one step, the stages of the pipe."""

from __future__ import annotations

from collections.abc import Iterator

from runbook_lib import instant
from runbook_lib.findings import FINDINGS, Verdict, VerdictWord, Weight
from runbook_lib.judging.diagnosis import Diagnosis, GapImpact, Status
from runbook_lib.measuring.pipe import FlowState, Stage, StageFlow
from runbook_lib.observed import Gap
from runbook_lib.showing import blocks
from runbook_lib.showing.blocks import Block, Fact, Facts, Prose, Stack, TableBlock
from runbook_lib.views.changes import changes_view, where, who
from runbook_lib.views.words import columns, count, moment, reason

# -- the first screen ------------------------------------------------------------------------------------------


def verdict_view(diagnosis: Diagnosis) -> blocks.VerdictBlock:
    """Show what is wrong, how sure that is, how long until data is lost, what to do first, what could not be seen."""
    first = next(iter((*diagnosis.causes, *diagnosis.latent)), None)
    return blocks.VerdictBlock(
        status=diagnosis.status.value,
        sentence=diagnosis.sentence,
        confidence=first.confidence.value if first and first.confidence else None,
        loss=_loss(diagnosis),
        first_action=_first_action(diagnosis),
        unseen=tuple(_unseen(impact) for impact in diagnosis.gaps),
        as_of=instant.iso(diagnosis.as_of),
    )


def _loss(diagnosis: Diagnosis) -> blocks.LossBlock:
    loss = diagnosis.loss
    deadline = instant.iso(loss.deadline) if loss.deadline else None
    return blocks.LossBlock(loss.state.value, loss.sentence(diagnosis.as_of), deadline)


def _first_action(diagnosis: Diagnosis) -> str | None:
    """The first remedy with its risk; where nothing is known to be wrong, what would let us see more."""
    if diagnosis.status is not Status.NO_FAULT and diagnosis.remedies:
        first = diagnosis.remedies[0]
        return f"{first.title} ({first.id}). Risk: {first.risk}"
    wanted = dict.fromkeys(
        impact.gap.permission for impact in diagnosis.gaps if impact.findings and impact.gap.permission
    )
    if diagnosis.status is Status.UNDETERMINED and wanted:
        return f"Grant {', '.join(map(str, wanted))} and run again."
    return None


def _unseen(impact: GapImpact) -> str:
    left = f" Left undetermined: {', '.join(impact.findings)}." if impact.findings else ""
    place = f" in {impact.gap.region}" if impact.gap.region else ""
    return f"{impact.gap.call}{place}: {reason(impact.gap)}{left}"


# -- findings --------------------------------------------------------------------------------------------------


def finding_view(verdict: Verdict, diagnosis: Diagnosis, role: str | None = None) -> blocks.FindingBlock:
    """Show one verdict with its evidence; remedies stand with what is present."""
    wanted = verdict.finding.remedies if verdict.word is VerdictWord.PRESENT else ()
    kind = "latent fault" if verdict in diagnosis.latent else verdict.finding.kind.value
    return blocks.FindingBlock(
        role=role or _ROLES.get(verdict.word, kind),
        id=verdict.finding.id,
        title=verdict.finding.title,
        confidence=verdict.confidence.value if verdict.confidence else None,
        why=verdict.finding.why,
        because=tuple(blocks.Reason(sign.sentence, sign.refs) for sign in verdict.signs),
        unexplained=verdict.unexplained,
        needs=tuple(dict.fromkeys(_need(gap) for gap in verdict.needs)),
        remedies=tuple(
            blocks.RemedyBlock(
                card.id, card.title, card.command, _risk(card.risk, card.precondition), card.effect, card.check
            )
            for card in diagnosis.remedies
            if card.id in wanted
        ),
        steps=verdict.finding.reads,
    )


_ROLES = {VerdictWord.ABSENT: "ruled out", VerdictWord.UNDETERMINED: "undetermined"}


def _risk(risk: str, precondition: str) -> str:
    return f"{risk} First make sure: {precondition}" if precondition else risk


def _need(gap: Gap) -> str:
    return f"{gap.call}: {reason(gap)}"


def verdicts_view(diagnosis: Diagnosis, step: int) -> Stack:
    """Show what one step tells: the verdict on every finding that reads it, those present first."""
    present = [verdict for verdict in _present(diagnosis) if step in verdict.finding.reads]
    open_ones = tuple(verdict for verdict in diagnosis.undetermined if step in verdict.finding.reads)
    absent = tuple(verdict for verdict in diagnosis.ruled_out if step in verdict.finding.reads)
    shown: list[Block] = [finding_view(verdict, diagnosis) for verdict in present]
    if open_ones:
        shown.append(_undetermined_table(open_ones))
    if absent:
        shown.append(_ruled_out_table(absent))
    if not shown:
        shown.append(Prose.of(_nothing_told(step)))
    return Stack(f"What step {step} tells", tuple(shown))


def _nothing_told(step: int) -> str:
    reading = [finding for finding in FINDINGS.values() if step in finding.reads]
    if reading:
        return "No fault was recognised by what this step saw, and none that it could rule out is a cause."
    return "No finding rests on this step alone; it bears out the others."


def _present(diagnosis: Diagnosis) -> tuple[Verdict, ...]:
    return (
        *diagnosis.causes,
        *diagnosis.contributing,
        *diagnosis.symptoms,
        *diagnosis.latent,
        *diagnosis.innocent,
    )


def _undetermined_table(verdicts: tuple[Verdict, ...]) -> TableBlock:
    rows = tuple(
        (verdict.finding.id, verdict.finding.title, " ".join(dict.fromkeys(_need(gap) for gap in verdict.needs)) or "-")
        for verdict in verdicts
    )
    return TableBlock(
        "Findings that could not be settled",
        columns("Finding|code", "Would mean", "Could not be settled because"),
        rows,
    )


def _ruled_out_table(verdicts: tuple[Verdict, ...]) -> TableBlock:
    rows = tuple((verdict.finding.id, verdict.finding.title, _refuted(verdict)) for verdict in verdicts)
    refs = tuple(dict.fromkeys(ref for verdict in verdicts for ref in verdict.refs))
    return TableBlock(
        "Causes that the evidence refutes", columns("Finding|code", "Would mean", "Because"), rows, refs=refs
    )


def _refuted(verdict: Verdict) -> str:
    """The sentences against it; a finding that found no sign of itself says just that."""
    against = [sign.sentence for sign in verdict.signs if sign.weight is Weight.AGAINST]
    return " ".join(against) or "What was seen shows no sign of it."


# -- the whole diagnosis ---------------------------------------------------------------------------------------


def diagnosis_view(diagnosis: Diagnosis) -> Stack:
    """Show the whole diagnosis, in the order in which it should be read."""
    return Stack(None, tuple(_sections(diagnosis)))


def _sections(diagnosis: Diagnosis) -> Iterator[Block]:
    yield verdict_view(diagnosis)
    yield causes_view(diagnosis)
    if diagnosis.onset or diagnosis.set_off_by:
        yield setting_change_view(diagnosis)
    yield loss_view(diagnosis)
    yield beside_view(diagnosis)
    yield unseen_view(diagnosis)
    yield stages_view(diagnosis)
    yield changes_view(diagnosis)
    yield ruled_out_view(diagnosis)
    yield undetermined_view(diagnosis)


def causes_view(diagnosis: Diagnosis) -> Stack:
    """Show the causes with evidence and remedies, or say in which sense there is none."""
    shown: list[Block] = [finding_view(verdict, diagnosis) for verdict in diagnosis.causes]
    if not shown:
        shown.append(Prose.of(_no_cause(diagnosis), style="answer"))
    shown += [
        Prose.of(f"Not explained by any cause: {sentence}", style="warning") for sentence in diagnosis.unexplained
    ]
    lacks = [sentence for sentence in diagnosis.unproved if sentence not in diagnosis.unexplained]
    shown += [Prose.of(f"An all-clear lacks this: {sentence}", style="warning") for sentence in lacks]
    return Stack("Causes", tuple(shown))


def beside_view(diagnosis: Diagnosis) -> Stack:
    """Show what was found and is not the cause: contributing factors, symptoms, latent faults, innocent bystanders."""
    shown = tuple(
        Stack(title, tuple(finding_view(verdict, diagnosis) for verdict in found))
        for title, found in (
            ("Contributing factors", diagnosis.contributing),
            ("Symptoms", diagnosis.symptoms),
            ("Latent faults", diagnosis.latent),
            ("Not causes", diagnosis.innocent),
        )
        if found
    )
    return Stack("Beside the cause", shown or (Prose.of("Nothing else was found."),))


def _no_cause(diagnosis: Diagnosis) -> str:
    if diagnosis.latent:
        return "No cause is at work, as nothing was written that it could have held back. See the latent faults below."
    if diagnosis.status is Status.NO_FAULT:
        return "No cause was found, and the end of the pipe was seen to deliver or had nothing to deliver."
    open_ones = count(len(diagnosis.undetermined), "finding")
    return f"No cause was proved, and that does not mean that there is none: {open_ones} could not be settled."


def setting_change_view(diagnosis: Diagnosis) -> Facts:
    """Show when it began and which change set it off; that none fits is said with the bounds of the search."""
    began, setting_change, searched = diagnosis.onset, diagnosis.set_off_by, diagnosis.coverage
    facts = []
    if began:
        ref = began.refs[0] if began.refs else None
        between = f"between {moment(began.earliest)} and {moment(began.latest)}"
        facts.append(Fact("Onset (UTC)", f"{moment(began.at)}, {between}", ref))
        facts.append(Fact("Read from", " ".join(began.signals), ref))
    if setting_change:
        event = setting_change.change.event
        for name, value in (
            ("Trigger", setting_change.change.sentence),
            ("At (UTC)", moment(event.at)),
            ("By", who(event)),
            ("Source", f"{where(event)}, {event.event_name}"),
            ("Why it fits", setting_change.correlation),
        ):
            facts.append(Fact(name, value))
    elif searched:
        facts.append(Fact("Trigger", "no change with a mechanism and a lag that fit was found"))
    else:
        facts.append(Fact("Trigger", "not known: the trail could not be searched"))
    if searched:
        where_searched = f"{', '.join(searched.regions)}, account {', '.join(searched.accounts)}"
        facts.append(Fact("Searched", f"{where_searched}, {moment(searched.start)} to {moment(searched.end)}"))
        for gap in searched.missing:
            facts.append(Fact("Not searched", gap))
    return Facts("Onset and trigger", tuple(facts))


def loss_view(diagnosis: Diagnosis) -> Stack:
    """Show the loss clock, and that of each mapping where there are several."""
    loss = diagnosis.loss
    facts = [
        Fact("State", loss.state.value.replace("_", " ")),
        Fact("In words", loss.sentence(diagnosis.as_of)),
        Fact("Deadline (UTC)", moment(loss.deadline)),
        Fact("Read from", loss.basis, loss.refs[0] if loss.refs else None),
    ]
    if loss.already_lost_from:
        lost = f"{moment(loss.already_lost_from)} to {moment(loss.already_lost_to)}"
        facts.append(Fact("Lost already (UTC)", lost))
    if loss.skipped:
        skipped = f"{moment(loss.skipped.start)} to {moment(loss.skipped.end)}"
        facts.append(Fact("Skipped, still in the stream (UTC)", skipped))
        facts.append(Fact("Can be read until (UTC)", moment(loss.skipped.readable_until)))
    shown: list[Block] = [Facts("How long until data is lost", tuple(facts))]
    if len(loss.mappings) > 1:
        rows = tuple(
            (mapping_loss.uuid or "the stream", moment(mapping_loss.deadline), mapping_loss.basis)
            for mapping_loss in loss.mappings
        )
        shown.append(TableBlock("By mapping", columns("Mapping|code", "Deadline (UTC)|time", "Read from"), rows))
    return Stack("Loss clock", tuple(shown))


def unseen_view(diagnosis: Diagnosis) -> Stack:
    """Show every gap: what was not looked at, why, what would help, and what it left open."""
    if not diagnosis.gaps:
        return Stack("What could not be seen", (Prose.of("Every call of every step was answered."),))
    rows = tuple(
        (
            impact.gap.call,
            impact.gap.region or "-",
            impact.gap.reason,
            impact.gap.permission or "-",
            ", ".join(map(str, impact.steps)) or "-",
            ", ".join(impact.findings) or "-",
        )
        for impact in diagnosis.gaps
    )
    head = columns("Call|code", "Region", "Why", "Permission to grant|code", "Steps", "Left undetermined|code")
    refs = tuple(dict.fromkeys(impact.gap.ref for impact in diagnosis.gaps if impact.gap.ref))
    note = "What could not be seen is never taken for well."
    return Stack("What could not be seen", (TableBlock("Gaps", head, rows, note, refs),))


def ruled_out_view(diagnosis: Diagnosis) -> Stack:
    """Show the causes that the evidence refutes."""
    if not diagnosis.ruled_out:
        return Stack("Ruled out", (Prose.of("No cause could be ruled out."),))
    return Stack("Ruled out", (_ruled_out_table(diagnosis.ruled_out),))


def undetermined_view(diagnosis: Diagnosis) -> Stack:
    """Show what could not be settled, and what would settle it."""
    if not diagnosis.undetermined:
        return Stack("Undetermined", (Prose.of("Every finding was settled one way or the other."),))
    return Stack("Undetermined", (_undetermined_table(diagnosis.undetermined),))


# -- the pipe --------------------------------------------------------------------------------------------------

STAGE_NAMES = {
    Stage.WRITTEN: "written to the table",
    Stage.IN_STREAM: "in the stream",
    Stage.POLLED: "polled",
    Stage.FILTERED: "filtered out",
    Stage.INVOKED: "function invoked",
    Stage.FAILED: "invocation failed",
    Stage.SUCCEEDED: "handled",
}
"""The stages in plain words, for tables and charts alike."""

STATE_NAMES = {
    FlowState.FLOWING: "flowing",
    FlowState.STOPPED: "stopped",
    FlowState.SILENT: "silent lately",
    FlowState.IDLE: "none",
    FlowState.UNKNOWN: "not known",
}


def stages_view(diagnosis: Diagnosis) -> TableBlock:
    """Show where the pipe breaks, left to right: what each stage counted, and which is the first to stop."""
    broken = diagnosis.stages.broken_at
    rows = tuple(_stage(flow, flow is broken) for flow in diagnosis.stages.flows.values())
    refs = tuple(dict.fromkeys(ref for flow in diagnosis.stages.flows.values() for ref in flow.refs))
    return TableBlock(
        "Where the pipe breaks",
        columns("Stage", "State", "Count|number", "Last sign (UTC)|time", "What was counted"),
        rows,
        f"The first stage seen to stop: {STAGE_NAMES[broken.stage]}." if broken else _unbroken(diagnosis),
        refs,
    )


def _stage(flow: StageFlow, broken: bool) -> tuple[str, ...]:
    state = f"{STATE_NAMES[flow.state]}{' here' if broken else ''}"
    total = "-" if flow.total is None else f"{flow.total:,.0f}"
    return STAGE_NAMES[flow.stage], state, total, moment(flow.last), flow.basis


def _unbroken(diagnosis: Diagnosis) -> str:
    flows = diagnosis.stages.flows.values()
    quiet = [STAGE_NAMES[flow.stage] for flow in flows if flow.state is FlowState.SILENT]
    blind = [STAGE_NAMES[flow.stage] for flow in flows if flow.state is FlowState.UNKNOWN]
    unknown = f" Silent lately: {', '.join(quiet)}." if quiet else ""
    unknown += f" Not known: {', '.join(blind)}." if blind else ""
    return f"No stage was seen to stop.{unknown}"
