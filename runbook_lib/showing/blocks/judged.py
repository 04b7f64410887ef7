"""What was concluded: the verdict of the whole, and one finding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from runbook_lib.showing.blocks.base import Block, Clean
from runbook_lib.showing.markup import bullets, escaped, hanging, pairs, said, tag, wrapped


@dataclass(frozen=True)
class LossBlock(Clean):
    """The loss clock in words. `state` is none, at_risk, losing or unknown; `deadline` ISO 8601, None where none is."""

    state: str
    sentence: str
    deadline: str | None = None


@dataclass(frozen=True, repr=False)
class VerdictBlock(Block):
    """The first screen: what is wrong, how sure, how long until data is lost, what to do first, what was not seen.

    `status` is fault, no_fault or undetermined; `as_of` the run's clock, ISO 8601 UTC.
    """

    kind: ClassVar[str] = "verdict"
    status: str
    sentence: str
    confidence: str | None
    loss: LossBlock
    first_action: str | None
    unseen: tuple[str, ...]
    as_of: str

    def to_json(self) -> dict[str, Any]:
        """Give the typed JSON."""
        loss = {"state": self.loss.state, "sentence": self.loss.sentence, "deadline": self.loss.deadline}
        return {
            "block": self.kind,
            "status": self.status,
            "sentence": self.sentence,
            "confidence": self.confidence,
            "loss": loss,
            "first_action": self.first_action,
            "unseen": list(self.unseen),
            "as_of": self.as_of,
        }

    @property
    def _told(self) -> tuple[tuple[str, str], ...]:
        told = (("Confidence", self.confidence), ("Data loss", self.loss.sentence), ("Do first", self.first_action))
        return tuple((name, value) for name, value in told if value)

    def to_html(self) -> str:
        """Give the sentence as a heading, the rest as facts, what was not seen as a list."""
        unseen = f"<p>{tag('strong', 'Could not be seen:')}</p>{bullets(self.unseen)}" if self.unseen else ""
        head = f'<section class="rb-verdict rb-{escaped(self.status)}"><h3>{escaped(self.sentence)}</h3>'
        return f"{head}{pairs('', self._told)}{unseen}<p>As of {escaped(self.as_of)}.</p></section>"

    def lines(self) -> Iterator[str]:
        """Give the sentence, then one line each."""
        yield from wrapped(self.sentence)
        for name, value in self._told:
            yield from hanging(f"{name}: ", value)
        for gap in self.unseen:
            yield from hanging("Not seen: ", gap)
        yield f"As of: {self.as_of}"


@dataclass(frozen=True)
class Reason(Clean):
    """One sentence of evidence and the recorded calls behind it."""

    sentence: str
    refs: tuple[str, ...] = ()


@dataclass(frozen=True)
class RemedyBlock(Clean):
    """A way to mend it: the command, its risk, what it does, and how to see that it worked. Never executed by us."""

    id: str
    title: str
    command: str
    risk: str
    effect: str
    check: str


@dataclass(frozen=True, repr=False)
class FindingBlock(Block):
    """One verdict on one fault.

    `role` says what it is to the incident: cause, contributing factor, symptom, latent fault, not a cause, ruled out
    or undetermined. `unexplained` are the counts that it does not explain, `needs` what would settle it, `steps` the
    playbook steps it was read from.
    """

    kind: ClassVar[str] = "finding"
    role: str
    id: str
    title: str
    confidence: str | None
    why: str
    because: tuple[Reason, ...] = ()
    unexplained: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    remedies: tuple[RemedyBlock, ...] = ()
    steps: tuple[int, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Give the typed JSON."""
        return {
            "block": self.kind,
            "kind": self.role,
            "id": self.id,
            "title": self.title,
            "confidence": self.confidence,
            "why": self.why,
            "because": [{"sentence": reason.sentence, "refs": list(reason.refs)} for reason in self.because],
            "unexplained": list(self.unexplained),
            "needs": list(self.needs),
            "remedies": [
                {name.name: getattr(remedy, name.name) for name in fields(RemedyBlock)} for remedy in self.remedies
            ],
            "steps": list(self.steps),
        }

    @property
    def _heading(self) -> str:
        sure = f", {self.confidence}" if self.confidence else ""
        return f"{self.role.capitalize()}{sure}: {self.title}"

    def to_html(self) -> str:
        """Give a heading, the evidence as a numbered list, and each remedy with its command and risk."""
        parts = [tag("h4", self._heading), f"<p>{tag('code', self.id)} {said(self.why)}</p>"]
        if self.because:
            parts.append(f"<ol>{''.join(f'<li>{said(reason.sentence)}</li>' for reason in self.because)}</ol>")
        parts += [f"<p>{tag('strong', 'Does not explain:')} {said(count)}</p>" for count in self.unexplained]
        parts += [f"<p>{tag('strong', 'Would settle it:')} {said(need)}</p>" for need in self.needs]
        parts += [_remedy_html(remedy) for remedy in self.remedies]
        return f'<section class="rb-finding">{"".join(parts)}</section>'

    def lines(self) -> Iterator[str]:
        """Give the heading, the numbered evidence and the remedies."""
        yield from wrapped(f"{self._heading} [{self.id}]")
        for number, reason in enumerate(self.because, 1):
            yield from hanging(f"  {number}. ", reason.sentence)
        for one_left in self.unexplained:
            yield from hanging("  Does not explain: ", one_left)
        for need in self.needs:
            yield from hanging("  Would settle it: ", need)
        for remedy in self.remedies:
            yield from hanging("  Remedy: ", f"{remedy.title} ({remedy.id})")
            yield f"      {remedy.command}"
            for name, value in (("Risk", remedy.risk), ("Effect", remedy.effect), ("Check", remedy.check)):
                if value:
                    yield from hanging(f"      {name}: ", value)


def _remedy_html(remedy: RemedyBlock) -> str:
    told = (("Risk:", remedy.risk), ("Effect:", remedy.effect), ("Check:", remedy.check))
    beside = "".join(f"<p>{tag('strong', name)} {said(value)}</p>" for name, value in told if value)
    command = f"<pre>{tag('code', remedy.command)}</pre>" if remedy.command else ""
    return f"<p>{tag('strong', 'Remedy:')} {said(remedy.title)}</p>{command}{beside}"
