"""The faults we know how to recognise, one module per stage of the pipe.

Nothing here asks AWS, knows a step, or asks whether evidence is missing.

A finding is a pure function from evidence to signs, with a card on top. It says `seen: Evidence`, or `seen: Measured`
where it asks what flows through the pipe. It yields

* `decisive` - a state that by itself means this fault ("State is Disabled"),
* `sign` - something independent that points the same way (a log line, a last processing result),
* `counter` - a measured count that fits,
* `against` - something that refutes it,

and never asks whether evidence is missing: reading what was not observed ends it, and `judge` turns that into
*undetermined*, or into a weaker *present* when decisive signs had been found before. So yield `decisive` first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from importlib import import_module
from typing import Protocol, TypedDict, Unpack

from runbook_lib.findings.remedy_id import RemedyId
from runbook_lib.interpret.trail_event import EFFECTS
from runbook_lib.measuring.pipe import Measured, Stage
from runbook_lib.observed import Gap, NotObserved


class FindingKind(StrEnum):
    """What a finding is to an incident."""

    CAUSE = "cause"
    CONTRIBUTING = "contributing factor"
    SYMPTOM = "symptom"
    INNOCENT = "not a cause"


class Confidence(StrEnum):
    """How sure: a decisive state and a fitting counter; two independent signs; one."""

    PROVED = "proved"
    LIKELY = "likely"
    SUSPECTED = "suspected"


class VerdictWord(StrEnum):
    """The verdict on one finding."""

    PRESENT = "present"
    ABSENT = "absent"
    UNDETERMINED = "undetermined"


class Weight(StrEnum):
    """What a sign does to its finding."""

    DECISIVE = "decisive"
    SIGN = "sign"
    COUNTER = "counter"
    AGAINST = "against"


class Trait(StrEnum):
    """What a judgement has to know of a finding beside its kind and its stage; most findings have none."""

    REPAIR_FIRST = "comes before the others that stop the same stage"
    ENDS_STREAM = "no stream takes what is written"
    MOVES_STREAM = "what is written goes to another stream than the one that the mappings read"
    ENDS_WRITES = "nothing can be written, so that a table nobody writes to is a part of the harm"
    SKIPS_RECORDS = "a mapping began behind records that waited"
    MAY_HAVE_SKIPPED = "records may have been passed over, and nothing can tell"
    PAST_LOSS = "is named as long as the records that it cost are in the window, although no more are lost"
    THROTTLES = "invocations are refused for want of concurrency"
    EXPLAINS_IDLE = "there is nothing to trigger on"
    MAKES_NO_RECORD = "what is written makes no stream record, so none is missing behind"
    TRIGGER_WORKS = "says that the trigger works, which is said of none that is harmed"
    MAY_STAY_UNSEEN = "an all-clear may be given where it could not be looked for"


class _HasRef(Protocol):
    @property
    def ref(self) -> str: ...


@dataclass(frozen=True)
class Sign:
    """One sentence of evidence and the recorded calls that it rests on."""

    weight: Weight
    sentence: str
    refs: tuple[str, ...]


def _refs(sources: tuple[_HasRef | str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(source if isinstance(source, str) else source.ref for source in sources))


def decisive(sentence: str, *sources: _HasRef | str) -> Sign:
    """A state that by itself means this fault."""
    return Sign(Weight.DECISIVE, sentence, _refs(sources))


def sign(sentence: str, *sources: _HasRef | str) -> Sign:
    """Something that points to this fault without proving it."""
    return Sign(Weight.SIGN, sentence, _refs(sources))


def counter(sentence: str, *sources: _HasRef | str) -> Sign:
    """A measured count that fits this fault."""
    return Sign(Weight.COUNTER, sentence, _refs(sources))


def against(sentence: str, *sources: _HasRef | str) -> Sign:
    """Something that refutes this fault."""
    return Sign(Weight.AGAINST, sentence, _refs(sources))


Recognise = Callable[[Measured], Iterator[Sign]]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One fault we know how to recognise.

    `diagnosis` names the clauses of the playbook's diagnosis, `reads` its steps. `stops` is the stage of the pipe that
    it lets nothing through (None: it stops nothing by itself); the counters of that stage must agree with it.
    `set_off_by` lists the effects of a change (see `interpret.trail_event`) that can bring it about, and `lag` how
    long after such a change the harm may begin.
    """

    id: str
    kind: FindingKind
    title: str
    why: str
    modes: tuple[str, ...]
    diagnosis: tuple[int, ...]
    reads: tuple[int, ...]
    source: str
    recognise: Recognise
    module: str
    stops: Stage | None = None
    remedies: tuple[RemedyId, ...] = ()
    set_off_by: tuple[str, ...] = ()
    lag: timedelta = timedelta(0)
    traits: tuple[Trait, ...] = ()

    @property
    def may_hide_a_fault(self) -> bool:
        """Whether an all-clear is none where this could not be looked for."""
        return self.kind is FindingKind.CAUSE and Trait.MAY_STAY_UNSEEN not in self.traits


@dataclass(frozen=True)
class Verdict:
    """What was concluded about one finding.

    `signs` are the sentences for it (present) or against it (absent); `needs` the gaps that kept it undetermined, or
    that kept a present one from being better proved.
    """

    finding: Finding
    word: VerdictWord
    confidence: Confidence | None
    signs: tuple[Sign, ...]
    needs: tuple[Gap, ...] = ()
    unexplained: tuple[str, ...] = ()

    @property
    def because(self) -> tuple[str, ...]:
        """The sentences, in the order they were found."""
        return tuple(sign.sentence for sign in self.signs)

    @property
    def refs(self) -> tuple[str, ...]:
        """The recorded calls behind the sentences, each once."""
        return tuple(dict.fromkeys(ref for sign in self.signs for ref in sign.refs))

    @property
    def lacking(self) -> tuple[str, ...]:
        """What would settle it: permissions to grant, or why nobody can look."""
        return tuple(sorted({gap.permission or gap.reason for gap in self.needs}))


FINDINGS: dict[str, Finding] = {}


class _Details(TypedDict, total=False):
    """What a card may leave out where it is the default of `Finding`."""

    stops: Stage | None
    remedies: tuple[RemedyId, ...]
    set_off_by: tuple[str, ...]
    lag: timedelta
    traits: tuple[Trait, ...]


_STATED: Mapping[FindingKind, tuple[str, ...]] = {
    FindingKind.CAUSE: ("stops", "remedies", "set_off_by"),
    FindingKind.CONTRIBUTING: ("remedies", "set_off_by"),
}
"""What a card of each kind must say although there is a default, so that nobody leaves it out unthought."""


def finding(
    id: str,
    *,
    kind: FindingKind,
    title: str,
    modes: tuple[str, ...],
    diagnosis: tuple[int, ...],
    reads: tuple[int, ...],
    source: str,
    **details: Unpack[_Details],
) -> Callable[[Recognise], Recognise]:
    """Register a finding. Raises ValueError for a card that lacks something, or names an effect that no change has."""
    for name in _STATED.get(kind, ()):
        if name not in details:
            raise ValueError(f"The card of {id} does not say `{name}`, as one of a {kind} must.")
    for effect in details.get("set_off_by", ()):
        if effect not in EFFECTS:
            raise ValueError(f"{id} is set off by `{effect}`, which is the effect of no change.")
    if bool(details.get("set_off_by")) != bool(details.get("lag")):
        raise ValueError(f"The card of {id} has one of `set_off_by` and `lag` without the other.")

    def register(recognise: Recognise) -> Recognise:
        FINDINGS[id] = Finding(
            id=id,
            kind=kind,
            title=title,
            why=" ".join((recognise.__doc__ or "").split()),
            modes=modes,
            diagnosis=diagnosis,
            reads=reads,
            source=source,
            recognise=recognise,
            module=recognise.__module__.removeprefix(f"{__name__}.").replace(".", "/"),
            **details,
        )
        return recognise

    return register


def judge(finding: Finding, seen: Measured) -> Verdict:
    """Come to a verdict on one finding: the only place that turns missing evidence into *undetermined*."""
    signs: list[Sign] = []
    needs: tuple[Gap, ...] = ()
    try:
        for found in finding.recognise(seen):
            signs.append(found)  # noqa: PERF402 - what was found before it raised is kept
    except NotObserved as unseen:
        needs = (unseen.gap,)
    against_it = tuple(s for s in signs if s.weight is Weight.AGAINST)
    for_it = [s for s in signs if s.weight is not Weight.AGAINST]
    if against_it:
        return Verdict(finding, VerdictWord.ABSENT, None, against_it)
    if not any(s.weight is not Weight.COUNTER for s in for_it):
        if needs:
            return Verdict(finding, VerdictWord.UNDETERMINED, None, tuple(for_it), needs)
        return Verdict(finding, VerdictWord.ABSENT, None, (against(_no_sign(finding)),))
    fits, misfits, unseen_stages = seen.stages.agreement(
        finding.stops, decided=any(found.weight is Weight.DECISIVE for found in for_it)
    )
    for_it += [counter(sentence, *refs) for sentence, refs in fits]
    sure = _confidence(for_it)
    if misfits and sure is Confidence.PROVED:
        sure = Confidence.LIKELY
    return Verdict(finding, VerdictWord.PRESENT, sure, tuple(for_it), (*needs, *unseen_stages), misfits)


def _no_sign(finding: Finding) -> str:
    """Give the reason why a finding is absent that found nothing to say against it."""
    *most, last = map(str, finding.reads)
    steps = f"steps {', '.join(most)} and {last}" if most else f"step {last}"
    return f"No sign of it was found in what {steps} read."


def _confidence(signs: list[Sign]) -> Confidence:
    weights = {sign.weight for sign in signs}
    if {Weight.DECISIVE, Weight.COUNTER} <= weights:
        return Confidence.PROVED
    independent = {sign.refs for sign in signs}
    return Confidence.LIKELY if len(independent) > 1 else Confidence.SUSPECTED


def judge_all(seen: Measured) -> tuple[Verdict, ...]:
    """Come to a verdict on every finding."""
    return tuple(judge(finding, seen) for finding in FINDINGS.values())


for _module in (
    "source",
    "expectations",
    "mapping",
    "authorization",
    "function",
    "capacity",
    "loops",
    "processing",
    "visibility",
    "platform",
):
    import_module(f"{__name__}.{_module}")
