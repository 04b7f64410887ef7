"""What breaks a trigger, or seems to, and AWS shows to nobody: told, so that silence is not taken for health."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Unseen:
    """A way to fail, or a part of one, that no read of AWS shows.

    `mode` is its id in the catalogue of failure modes (`findings.modes`), as on the cards; `finding` the id of the
    finding that shows the rest of it, None where nothing of it can be seen; `what` is not seen, and `why`.
    """

    mode: str
    finding: str | None
    what: str
    why: str


UNSEEN = (
    Unseen(
        "H2",
        None,
        "The account is suspended, the region is not opted in, or the credentials have expired",
        "Every call fails alike, beginning with the one that asks who is calling: the run ends before it has looked,"
        " with exit code 3, and judges nothing.",
    ),
    Unseen(
        "A10",
        "replica-expectations",
        "How many writes of other regions were joined into one record",
        "Replication counts its delay and not what it joins.",
    ),
    Unseen(
        "A11",
        "ttl-expectation",
        "A TTL attribute that holds milliseconds, a text, or a time years ahead",
        "It is in the items, which are not read; DynamoDB says nothing about an item that it does not find expired.",
    ),
    Unseen(
        "A12",
        "trimmed",
        "How many records expired unread",
        "No metric counts them: DroppedEventCount leaves them out.",
    ),
    Unseen(
        "B7",
        "latest-update-gap",
        "Which records a mapping at LATEST skipped around a change",
        "Skipping is counted nowhere; only a comparison of what was written with what arrived tells.",
    ),
    Unseen(
        "C4",
        "scp-or-rcp",
        "Who changed an organization's policy, and what a resource control policy says",
        "Both are in the management account, and SimulatePrincipalPolicy is not known to take resource control policies"
        " into account. The mapping's last processing result names the kind of policy, no more.",
    ),
    Unseen(
        "E5",
        "too-many-readers",
        "Readers that are no event source mappings: pipes, applications, people at a shell",
        "A stream does not list its readers, and reads of records are data events, which no trail has by default.",
    ),
    Unseen(
        "F5",
        "partial-batch-misuse",
        "Failed records that are reported without leave, or in an answer that Lambda takes for a success",
        "Nobody keeps what a function answers, and AWS counts a success.",
    ),
    Unseen(
        "F8",
        "success-without-effect",
        "Why a success has no effect: swallowed errors, skipped event names, another target",
        "It is in the code and in what the code calls.",
    ),
    Unseen(
        "F10",
        "write-back-loop",
        "Who writes to the table",
        "Writes are data events, which no trail has by default, and metrics do not tell writers apart.",
    ),
)
