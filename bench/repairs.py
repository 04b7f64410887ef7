"""Every remedy card, the worlds it belongs to, how it is applied there, and what it must do to the records."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import applying
from healing import (
    Asked,
    Clients,
    Effect,
    Records,
    clients_of,
    delivers,
    reached,
    recent_flows,
    settled,
)
from runbook_lib.remedies import REMEDIES
from runbook_lib.sandbox import Fault, World, all_faults

REPLAYED, DUPLICATED, SKIPPED = Effect.REPLAYED, Effect.DUPLICATED, Effect.SKIPPED
_AFTER = timedelta(minutes=12)
_PAST = timedelta(hours=1)
"""How long before the change a world begins: long enough to have delivered something."""


class How(StrEnum):
    """Who applies a remedy."""

    API = "the API"
    OTHERS = "the API, and others outside the account"
    ADVICE = "advice"


def _fails(world: World) -> bool:
    return not delivers(world)


def _has_skipped(world: World) -> bool:
    return not delivers(world, since=world.start)


def _gives_up(world: World) -> bool:
    return any(flow.reported or flow.unreported for flow in recent_flows(world))


def _gives_up_in_silence(world: World) -> bool:
    flows = recent_flows(world)
    return any(flow.unreported for flow in flows) or not any(flow.reported for flow in flows)


def _comes_late(world: World) -> bool:
    return max((age for flow in recent_flows(world) for age in flow.ages), default=0) > 60_000


def _has_a_third_reader(world: World) -> bool:
    return len(world.state.mappings) > 2


@dataclass(frozen=True)
class Repair:
    """One way of applying one card, the same in several worlds.

    `effects` are what becomes of the records of the time before it, which `says` quotes from the card's effect. `ails`
    tells what was wrong and is right after `lasts`. `reason` says why it is more, or less, than calls of the API.
    `instead` quotes the card where it is another call than the card's command.
    """

    remedy: str
    worlds: tuple[str, ...]
    apply: Callable[[Clients, World], object]
    effects: frozenset[Effect]
    says: str
    how: How = How.API
    reason: str = ""
    instead: str = ""
    lasts: timedelta = _AFTER
    ails: Callable[[World], bool] = _fails


def _repair(
    remedy: str, worlds: Iterable[str], apply: Callable[[Clients, World], object], *effects: Effect, **more: object
) -> Repair:
    return Repair(remedy, tuple(worlds), apply, frozenset(effects), **more)  # type: ignore[arg-type]


_RETRIED = "The mapping retries by itself and delivers what is younger than 24 hours."
_REFUSED = "Refused batches are retried until they expire"
_NO_STREAM = ("stream-disabled", "table-restored", "moved-to-kinesis")

REPAIRS: tuple[Repair, ...] = (
    _repair(
        "R1",
        ("mapping-paused", "trail-denied", "paused-behind-a-schedule", "mapping-given-up", "mapping-paused-again"),
        applying.enable_mapping, REPLAYED, says="Resumes where it stopped",
    ),
    _repair(
        "R2", ("stream-recreated",), applying.map_latest_stream, REPLAYED, SKIPPED,
        says="What was written while no stream was on is in none.",
    ),
    _repair("R2", ("table-replaced",), applying.map_latest_stream, REPLAYED, says="oldest first: what waited"),
    _repair(
        "R2", ("mapping-deleted", "mapping-recreation-refused", "mapping-retargeted", "mapping-moved-to-staging"),
        applying.map_latest_stream, REPLAYED, DUPLICATED,
        says="what waited, and once more what had been delivered from it",
    ),
    _repair(
        "R2", ("stream-disabled", "table-restored"), applying.switch_stream_on, SKIPPED,
        says="What was written while no stream was on is in none.",
    ),
    _repair(
        "R3", ("filter-without-type-descriptor",), applying.remove_filter, SKIPPED,
        says="passed over for good and are not replayed",
    ),
    _repair(
        "R4", ("role-lost-getrecords", "role-pinned-to-table-arn", "managed-policy-detached", "version-keeps-old-role"),
        applying.grant_reads, REPLAYED, says=_RETRIED,
    ),
    _repair(
        "R5", ("concurrency-zero",), applying.free_concurrency, REPLAYED,
        says="Throttled batches are retried until they expire",
    ),
    _repair(
        "R5", ("reserved-too-low",), applying.free_concurrency, REPLAYED, lasts=timedelta(minutes=50),
        says="Throttled batches are retried until they expire",
    ),
    _repair(
        "R5", ("record-age-limited",), applying.free_concurrency, REPLAYED, SKIPPED,
        says="at the mapping's own record age limit",
    ),
    _repair(
        "R6", ("poison-record", "one-record-times-out", "shard-blocked-for-a-day"), applying.skip_failing_batch,
        REPLAYED, SKIPPED,
        says="The failing record is skipped, everything behind it is delivered.",
    ),
    _repair(
        "R8", _NO_STREAM, applying.switch_stream_on, SKIPPED, says="Only writes from now on are recorded.",
    ),
    _repair(
        "R9", ("table-key-disabled",), applying.enable_table_key, REPLAYED,
        says="Records younger than 24 hours are delivered",
    ),
    _repair(
        "R10",
        (
            *("import-error-after-deploy", "times-out-after-deploy", "out-of-memory-after-deploy"),
            *("handler-fails-after-deploy", "failed-records-misnamed", "window-without-state"),
            "view-type-without-image",
        ),
        applying.deploy_last_good_code, REPLAYED, says="Failed batches are retried with the new code.",
    ),
    _repair(
        "R10", ("image-expired",), applying.deploy_image, REPLAYED, instead="or --image-uri",
        says="Failed batches are retried with the new code.",
    ),
    _repair(
        "R41", ("items-grew-large",), applying.give_more_memory, REPLAYED, lasts=timedelta(minutes=50),
        says="Batches are retried with the new limits",
    ),
    _repair(
        "R42", ("creation-failed",), applying.create_function_again, REPLAYED,
        says="The mapping stays and goes on where it stopped",
    ),
    _repair(
        "R10", ("retries-exhausted", "failure-queue-refused"), applying.deploy_last_good_code, REPLAYED, SKIPPED,
        says="What finite retries gave up before that is skipped",
    ),
    _repair("R11", ("trust-lost",), applying.restore_trust, REPLAYED, says=_RETRIED),
    _repair("R11", ("role-deleted",), applying.create_role_again, REPLAYED, says=_RETRIED),
    _repair("R12", ("explicit-deny",), applying.narrow_denial, REPLAYED, says=_RETRIED),
    _repair("R12", ("permissions-boundary",), applying.widen_boundary, REPLAYED, says=_RETRIED),
    _repair(
        "R12", ("organization-forbids-reads",), applying.organization_gives_way, REPLAYED, says=_RETRIED,
        how=How.OTHERS, reason="the policy is the organization's, and its administrator changes it in another account",
    ),
    _repair("R13", ("stream-policy-denies",), applying.exempt_in_stream_policy, REPLAYED, says=_RETRIED),
    _repair(
        "R14", ("release-too-slow", "items-grew-large"), applying.run_more_batches, REPLAYED,
        lasts=timedelta(minutes=40), says="What waits is delivered faster; nothing is skipped.",
    ),
    _repair(
        "R16", ("function-deleted",), applying.retarget_to_bystander, REPLAYED,
        says="what waits is delivered",
    ),
    _repair(
        "R16", ("mapping-retargeted",), applying.retarget_home, SKIPPED,
        says="What another function was handed meanwhile is not handed out again.",
    ),
    _repair(
        "R18", ("account-crowded-out",), applying.quota_is_raised, REPLAYED, says=_REFUSED,
        how=How.OTHERS, reason="AWS grants the request, hours or days later",
    ),
    _repair(
        "R18", ("instances-ran-out",), applying.instances_are_granted, REPLAYED, says=_REFUSED,
        how=How.OTHERS, reason="AWS grants the request, hours or days later",
    ),
    _repair(
        "R19", ("view-type-without-image",), applying.change_view_type, SKIPPED,
        says="a handler that needs it never gets them",
    ),
    _repair(
        "R20", ("no-table-writes", "noop-writes", "rejected-writes"), applying.application_writes,
        says="None waits: nothing was written.", how=How.ADVICE, instead="A write to production",
        reason="it asks who writes; the write is the application's, and items are not emulated",
    ),
    _repair(
        "R21", ("retries-exhausted", "failure-queue-refused"), applying.fetch_discarded, REPLAYED,
        says="Replays the discarded records by hand", how=How.OTHERS,
        reason="the records are fetched over the API, and a person processes them",
    ),
    _repair(
        "R22", ("record-age-limited",), applying.keep_records, REPLAYED, SKIPPED, ails=_gives_up,
        says="Saves what is not yet older than the limit; what was discarded is not brought back.",
    ),
    _repair(
        "R23", ("failure-queue-refused",), applying.let_role_report, SKIPPED, ails=_gives_up_in_silence,
        says="Batches given up from now on leave a message; earlier ones left none.",
    ),
    _repair(
        "R24", ("moved-to-kinesis",), applying.map_kinesis, REPLAYED, DUPLICATED,
        says="Delivers what the Kinesis stream still holds; expect duplicates",
    ),
    _repair(
        "R25", ("mapping-restarted-at-latest",), applying.replay_through_alias, REPLAYED, DUPLICATED, ails=_has_skipped,
        says="Delivers the skipped records while they are younger than 24 hours.",
    ),
    _repair("R31", ("reads-bound-to-function",), applying.grant_reads, REPLAYED, says=_RETRIED),
    _repair("R31", ("reads-bound-to-network",), applying.exempt_in_perimeter, REPLAYED, says=_RETRIED),
    _repair(
        "R32", ("version-keeps-old-role",), applying.move_alias, REPLAYED,
        says="The mapping keeps its position: records younger than 24 hours are delivered.",
    ),
    _repair("R33", ("subnet-full",), applying.move_to_other_subnets, REPLAYED, says=_REFUSED),
    _repair("R34", ("creation-stuck",), applying.prepare_again, REPLAYED, says=_REFUSED),
    _repair(
        "R35", ("account-crowded-out",), applying.cap_runaway, REPLAYED,
        says="Throttled batches are retried until they expire",
    ),
    _repair(
        "R36", ("third-reader",), applying.take_one_reader_off, says="None is lost by having fewer readers.",
        how=How.ADVICE, ails=_has_a_third_reader,
        reason="it asks for another design; the command only lists the readers, and one of them is taken off",
    ),
    _repair("R37", ("key-withheld",), applying.let_role_decrypt, REPLAYED, says=_RETRIED),
    _repair(
        "R38", ("function-key-disabled",), applying.enable_function_key, REPLAYED,
        says="What waits in the stream is delivered once the key works",
    ),
    _repair(
        "R39", ("service-event",), applying.aws_recovers, REPLAYED, how=How.ADVICE,
        says="Mappings resume by themselves at the position they had saved",
        reason="it asks for patience; the command reads what AWS says, and AWS mends it",
    ),
    _repair(
        "R40", ("batching-window",), applying.deliver_at_once, REPLAYED, says="None is lost either way.",
        ails=_comes_late,
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What came of applying a card to a world; `ails_on`: it ails as long again when it is left alone."""

    repair: Repair
    world: str
    ailed: bool
    ails_on: bool
    healed: bool
    records: Records
    asked: tuple[Asked, ...]

    @property
    def trouble(self) -> tuple[str, ...]:
        """What is not as the table says; empty when the card is proved."""
        found = []
        if not self.ailed:
            found.append("nothing was wrong before")
        if not self.ails_on:
            found.append("heals when left alone")
        if not self.healed:
            found.append("not healed after")
        if self.records.effects != self.repair.effects:
            found.append(f"records {told(self.records.effects)}, the card says {told(self.repair.effects)}")
        if not self.repair.instead and not called(REMEDIES[self.repair.remedy].command, self.asked):
            found.append("its command was not called")
        return tuple(found)


def called(command: str, asked: Iterable[Asked]) -> bool:
    """Whether a card's command is among the calls: the same operation, and every option of the command given."""
    words = command.partition("  #")[0].split()
    options = {word[2:] for word in words if word.startswith("--")} - {"region"}
    return any(words[1:3] == [one.service, one.operation] and options <= one.options for one in asked)


def told(effects: Iterable[Effect]) -> str:
    """Write effects in words."""
    return ", ".join(effect for effect in Effect if effect in set(effects)) or "none"


def history_of(fault: Fault) -> timedelta:
    """How long a history a world needs for its change to lie in it."""
    return (fault.onset or timedelta()) + _PAST


def run(repair: Repair, name: str, now: datetime, seed: int = 1) -> Outcome:
    """Apply a card to a world over HTTP, let the world live on, and look."""
    fault = all_faults()[name]
    alone, world = (fault.build(now, seed, history=history_of(fault)) for _ in range(2))
    alone.advance(repair.lasts)
    ailed, before = repair.ails(world), reached(world)
    with clients_of(world) as ask:
        by_hand = repair.apply(ask, world)
        world.advance(repair.lasts)
    records = settled(world, now, before, by_hand if isinstance(by_hand, frozenset) else ())
    return Outcome(repair, name, ailed, repair.ails(alone), not repair.ails(world), records, tuple(ask.asked))


def pairs() -> tuple[tuple[Repair, str], ...]:
    """Every card with every world it belongs to, in the order of the cards."""
    order = list(REMEDIES)
    ordered = sorted(REPAIRS, key=lambda repair: order.index(repair.remedy))
    return tuple((repair, world) for repair in ordered for world in repair.worlds)
