"""Every remedy card, the worlds it belongs to, how it is applied there, and what it must do to the records."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import apply_remedies
from remedy_effects import (
    ApiCallMade,
    Clients,
    RecordCounts,
    RecordEffect,
    clients_of,
    count_records,
    delivers,
    recent_flows,
    records_reached,
)
from runbook_lib.judging.remedies import REMEDIES
from runbook_lib.sandbox import Fault, World, all_faults

REPLAYED, DUPLICATED, SKIPPED = RecordEffect.REPLAYED, RecordEffect.DUPLICATED, RecordEffect.SKIPPED
_AFTER = timedelta(minutes=12)
_PAST = timedelta(hours=1)
"""How long before the change a world begins: long enough to have delivered something."""


class AppliedBy(StrEnum):
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
class RemedyCase:
    """One way of applying one card, the same in several worlds.

    `effects` are what becomes of the records of the time before it, which `says` quotes from the card's effect.
    `is_broken` tells what was wrong and is right after `within`. `applied_by` says by whom, `reason` why it is more, or
    less, than calls of the API. `instead` quotes the card where it is another call than the card's command.
    """

    remedy: str
    worlds: tuple[str, ...]
    apply: Callable[[Clients, World], object]
    effects: frozenset[RecordEffect]
    says: str
    applied_by: AppliedBy = AppliedBy.API
    reason: str = ""
    instead: str = ""
    within: timedelta = _AFTER
    is_broken: Callable[[World], bool] = _fails


def _case(
    remedy: str,
    worlds: Iterable[str],
    apply: Callable[[Clients, World], object],
    *effects: RecordEffect,
    **more: object,
) -> RemedyCase:
    return RemedyCase(remedy, tuple(worlds), apply, frozenset(effects), **more)  # type: ignore[arg-type]


_RETRIED = "The mapping retries by itself and delivers what is younger than 24 hours."
_REFUSED = "Refused batches are retried until they expire"
_NO_STREAM = ("stream-disabled", "table-restored", "moved-to-kinesis")

REMEDY_CASES: tuple[RemedyCase, ...] = (
    _case(
        "R1",
        ("mapping-paused", "trail-denied", "paused-behind-a-schedule", "mapping-given-up", "mapping-paused-again"),
        apply_remedies.enable_mapping, REPLAYED, says="Resumes where it stopped",
    ),
    _case(
        "R2", ("stream-recreated",), apply_remedies.map_latest_stream, REPLAYED, SKIPPED,
        says="What was written while no stream was on is in none.",
    ),
    _case("R2", ("table-replaced",), apply_remedies.map_latest_stream, REPLAYED, says="oldest first: what waited"),
    _case(
        "R2", ("mapping-deleted", "mapping-recreation-refused", "mapping-retargeted", "mapping-moved-to-staging"),
        apply_remedies.map_latest_stream, REPLAYED, DUPLICATED,
        says="what waited, and once more what had been delivered from it",
    ),
    _case(
        "R2", ("stream-disabled", "table-restored"), apply_remedies.switch_stream_on, SKIPPED,
        says="What was written while no stream was on is in none.",
    ),
    _case(
        "R3", ("filter-without-type-descriptor",), apply_remedies.remove_filter, SKIPPED,
        says="passed over for good and are not replayed",
    ),
    _case(
        "R4", ("role-lost-getrecords", "role-pinned-to-table-arn", "managed-policy-detached", "version-keeps-old-role"),
        apply_remedies.grant_reads, REPLAYED, says=_RETRIED,
    ),
    _case(
        "R5", ("concurrency-zero",), apply_remedies.free_concurrency, REPLAYED,
        says="Throttled batches are retried until they expire",
    ),
    _case(
        "R5", ("reserved-too-low",), apply_remedies.free_concurrency, REPLAYED, within=timedelta(minutes=50),
        says="Throttled batches are retried until they expire",
    ),
    _case(
        "R5", ("record-age-limited",), apply_remedies.free_concurrency, REPLAYED, SKIPPED,
        says="at the mapping's own record age limit",
    ),
    _case(
        "R6", ("poison-record", "one-record-times-out", "shard-blocked-for-a-day"), apply_remedies.skip_failing_batch,
        REPLAYED, SKIPPED,
        says="The failing record is skipped, everything behind it is delivered.",
    ),
    _case(
        "R8", _NO_STREAM, apply_remedies.switch_stream_on, SKIPPED, says="Only writes from now on are recorded.",
    ),
    _case(
        "R9", ("table-key-disabled",), apply_remedies.enable_table_key, REPLAYED,
        says="Records younger than 24 hours are delivered",
    ),
    _case(
        "R10",
        (
            *("import-error-after-deploy", "times-out-after-deploy", "out-of-memory-after-deploy"),
            *("handler-fails-after-deploy", "failed-records-misnamed", "window-without-state"),
            *("view-type-without-image", "fails-without-a-word"),
        ),
        apply_remedies.deploy_last_good_code, REPLAYED, says="Failed batches are retried with the new code.",
    ),
    _case(
        "R10", ("image-expired",), apply_remedies.deploy_image, REPLAYED, instead="or --image-uri",
        says="Failed batches are retried with the new code.",
    ),
    _case(
        "R41", ("items-grew-large",), apply_remedies.give_more_memory, REPLAYED, within=timedelta(minutes=50),
        says="Batches are retried with the new limits",
    ),
    _case(
        "R42", ("creation-failed",), apply_remedies.create_function_again, REPLAYED,
        says="The mapping stays and goes on where it stopped",
    ),
    _case(
        "R10", ("retries-exhausted", "failure-queue-refused"), apply_remedies.deploy_last_good_code, REPLAYED, SKIPPED,
        says="What finite retries gave up before that is skipped",
    ),
    _case("R11", ("trust-lost",), apply_remedies.restore_trust, REPLAYED, says=_RETRIED),
    _case("R11", ("role-deleted",), apply_remedies.create_role_again, REPLAYED, says=_RETRIED),
    _case("R12", ("explicit-deny",), apply_remedies.narrow_denial, REPLAYED, says=_RETRIED),
    _case("R12", ("permissions-boundary",), apply_remedies.widen_boundary, REPLAYED, says=_RETRIED),
    _case(
        "R12", ("organization-forbids-reads",), apply_remedies.organization_gives_way, REPLAYED, says=_RETRIED,
        applied_by=AppliedBy.OTHERS,
        reason="the policy is the organization's, and its administrator changes it in another account",
    ),
    _case("R13", ("stream-policy-denies",), apply_remedies.exempt_in_stream_policy, REPLAYED, says=_RETRIED),
    _case(
        "R14", ("release-too-slow", "items-grew-large"), apply_remedies.run_more_batches, REPLAYED,
        within=timedelta(minutes=40), says="What waits is delivered faster; nothing is skipped.",
    ),
    _case(
        "R16", ("function-deleted",), apply_remedies.retarget_to_bystander, REPLAYED,
        says="what waits is delivered",
    ),
    _case(
        "R16", ("mapping-retargeted",), apply_remedies.retarget_home, SKIPPED,
        says="What another function was handed meanwhile is not handed out again.",
    ),
    _case(
        "R18", ("account-crowded-out",), apply_remedies.quota_is_raised, REPLAYED, says=_REFUSED,
        applied_by=AppliedBy.OTHERS, reason="AWS grants the request, hours or days later",
    ),
    _case(
        "R18", ("instances-ran-out",), apply_remedies.instances_are_granted, REPLAYED, says=_REFUSED,
        applied_by=AppliedBy.OTHERS, reason="AWS grants the request, hours or days later",
    ),
    _case(
        "R19", ("view-type-without-image",), apply_remedies.change_view_type, SKIPPED,
        says="a handler that needs it never gets them",
    ),
    _case(
        "R20", ("no-table-writes", "noop-writes", "rejected-writes"), apply_remedies.application_writes,
        says="None waits: nothing was written.", applied_by=AppliedBy.ADVICE, instead="A write to production",
        reason="it asks who writes; the write is the application's, and items are not emulated",
    ),
    _case(
        "R21", ("retries-exhausted", "failure-queue-refused"), apply_remedies.fetch_discarded, REPLAYED,
        says="Replays the discarded records by hand", applied_by=AppliedBy.OTHERS,
        reason="the records are fetched over the API, and a person processes them",
    ),
    _case(
        "R22", ("record-age-limited",), apply_remedies.keep_records, REPLAYED, SKIPPED, is_broken=_gives_up,
        says="Saves what is not yet older than the limit; what was discarded is not brought back.",
    ),
    _case(
        "R23", ("failure-queue-refused",), apply_remedies.let_role_report, SKIPPED, is_broken=_gives_up_in_silence,
        says="Batches given up from now on leave a message; earlier ones left none.",
    ),
    _case(
        "R24", ("moved-to-kinesis",), apply_remedies.map_kinesis, REPLAYED, DUPLICATED,
        says="Delivers what the Kinesis stream still holds; expect duplicates",
    ),
    _case(
        "R25", ("mapping-restarted-at-latest",), apply_remedies.replay_through_alias, REPLAYED, DUPLICATED,
        is_broken=_has_skipped, says="Delivers the skipped records while they are younger than 24 hours.",
    ),
    _case("R31", ("reads-bound-to-function",), apply_remedies.grant_reads, REPLAYED, says=_RETRIED),
    _case("R31", ("reads-bound-to-network",), apply_remedies.exempt_in_perimeter, REPLAYED, says=_RETRIED),
    _case(
        "R32", ("version-keeps-old-role",), apply_remedies.move_alias, REPLAYED,
        says="The mapping keeps its position: records younger than 24 hours are delivered.",
    ),
    _case("R33", ("subnet-full",), apply_remedies.move_to_other_subnets, REPLAYED, says=_REFUSED),
    _case("R34", ("creation-stuck",), apply_remedies.prepare_again, REPLAYED, says=_REFUSED),
    _case(
        "R35", ("account-crowded-out",), apply_remedies.cap_runaway, REPLAYED,
        says="Throttled batches are retried until they expire",
    ),
    _case(
        "R36", ("third-reader",), apply_remedies.take_one_reader_off, says="None is lost by having fewer readers.",
        applied_by=AppliedBy.ADVICE, is_broken=_has_a_third_reader,
        reason="it asks for another design; the command only lists the readers, and one of them is taken off",
    ),
    _case("R37", ("key-withheld",), apply_remedies.let_role_decrypt, REPLAYED, says=_RETRIED),
    _case(
        "R38", ("function-key-disabled",), apply_remedies.enable_function_key, REPLAYED,
        says="What waits in the stream is delivered once the key works",
    ),
    _case(
        "R39", ("service-event",), apply_remedies.aws_recovers, REPLAYED, applied_by=AppliedBy.ADVICE,
        says="Mappings resume by themselves at the position they had saved",
        reason="it asks for patience; the command reads what AWS says, and AWS mends it",
    ),
    _case(
        "R40", ("batching-window",), apply_remedies.deliver_at_once, REPLAYED, says="None is lost either way.",
        is_broken=_comes_late,
    ),
)  # fmt: skip


@dataclass(frozen=True)
class RemedyOutcome:
    """What came of applying a card to a world; `stays_broken`: as long again, when it is left alone."""

    case: RemedyCase
    world: str
    was_broken: bool
    stays_broken: bool
    repaired: bool
    records: RecordCounts
    calls: tuple[ApiCallMade, ...]

    @property
    def trouble(self) -> tuple[str, ...]:
        """What is not as the table says; empty when the card is proved."""
        found = []
        if not self.was_broken:
            found.append("nothing was wrong before")
        if not self.stays_broken:
            found.append("heals when left alone")
        if not self.repaired:
            found.append("not healed after")
        if self.records.effects != self.case.effects:
            found.append(
                f"records {effects_in_words(self.records.effects)}, the card says {effects_in_words(self.case.effects)}"
            )
        if not self.case.instead and not command_was_called(REMEDIES[self.case.remedy].command, self.calls):
            found.append("its command was not called")
        return tuple(found)


def command_was_called(command: str, calls: Iterable[ApiCallMade]) -> bool:
    """Whether a card's command is among the calls: the same operation, and every option of the command given."""
    words = command.partition("  #")[0].split()
    options = {word[2:] for word in words if word.startswith("--")} - {"region"}
    return any(words[1:3] == [call.service, call.operation] and options <= call.options for call in calls)


def effects_in_words(effects: Iterable[RecordEffect]) -> str:
    """Write effects in words."""
    return ", ".join(effect for effect in RecordEffect if effect in set(effects)) or "none"


def history_of(fault: Fault) -> timedelta:
    """How long a history a world needs for its change to lie in it."""
    return (fault.onset or timedelta()) + _PAST


def run(case: RemedyCase, name: str, now: datetime, seed: int = 1) -> RemedyOutcome:
    """Apply a card to a world over HTTP, let the world live on, and look."""
    fault = all_faults()[name]
    alone, world = (fault.build(now, seed, history=history_of(fault)) for _ in range(2))
    alone.advance(case.within)
    was_broken, before = case.is_broken(world), records_reached(world)
    with clients_of(world) as clients:
        by_hand = case.apply(clients, world)
        world.advance(case.within)
    records = count_records(world, now, before, by_hand if isinstance(by_hand, frozenset) else ())
    return RemedyOutcome(
        case, name, was_broken, case.is_broken(alone), not case.is_broken(world), records, tuple(clients.calls)
    )


def pairs() -> tuple[tuple[RemedyCase, str], ...]:
    """Every card with every world it belongs to, in the order of the cards."""
    order = list(REMEDIES)
    ordered = sorted(REMEDY_CASES, key=lambda case: order.index(case.remedy))
    return tuple((case, world) for case in ordered for world in case.worlds)
