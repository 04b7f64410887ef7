"""Reported: concurrency that is spent, and backlogs that nothing is wrong with any more."""

from __future__ import annotations

from dataclasses import replace

from reported_worlds import Said, healthy, reported

from runbook_lib.sandbox import BROKEN_HANDLER, OPERATOR, PIPELINE, SOUND, Code, World


@reported(
    now=Said(
        "fault",
        "at_risk",
        causes=("account-concurrency-exhausted (proved)",),
        first="R35",
        symptoms=("function-not-invoked", "throttled"),
    ),
    right="account-concurrency-exhausted; R18 first: with a limit of 10 Lambda refuses any reservation",
)
def small_account_that_is_full() -> World:
    """A new account has a limit of ten executions, and another function has taken all ten for two hours."""
    world = healthy()
    world.set_account_concurrency(world.start, 10)
    world.crowd_account(world.ago(hours=2), running=10)
    return world


@reported(
    now=Said(
        "fault",
        "at_risk",
        causes=("reserved-concurrency-zero (proved)",),
        first="R5",
        set_off_by="PutFunctionConcurrency20171031",
        symptoms=("function-not-invoked", "throttled"),
    ),
    right="reserved-concurrency-zero alone, and not `records-late`: an age of 0 s does not rise",
    is_right=True,
)
def brake_pulled_minutes_ago_on_a_busy_table() -> World:
    """A quarter of an hour ago somebody set the function's reserved concurrency to zero."""
    world = healthy()
    world.put_concurrency(world.ago(minutes=17), "orders-projector", 0, by=OPERATOR)
    return world


@reported(
    now=Said("undetermined", "at_risk", symptoms=("iterator-age-rising",)),
    right="shard-serial-lag: every batch succeeds, every place is in use, nothing else is written",
)
def bulk_load_worked_off_slowly() -> World:
    """40,000 items were written in ninety seconds half an hour ago; one by one they are handled, without an error."""
    world = healthy(mapping={"batch_size": 1})
    world.begin_with_function(code=replace(SOUND, seconds=0.19))
    world.begin_without_writes(until=world.ago(minutes=32), per_minute=27_000)
    world.set_traffic(world.ago(minutes=30, seconds=30), per_minute=0)
    return world


@reported(
    now=Said("no_fault", "at_risk"),
    right="no fault any more; how many hours wait, and about when they are through",
    is_right=True,
)
def backlog_after_a_repair() -> World:
    """A release failed for six hours and was mended two hours ago; five hours of records still wait."""
    world = healthy(mapping={"batch_size": 10})
    good = replace(SOUND, seconds=8.0)
    world.begin_with_function(code=good, timeout=120)
    world.deploy(world.ago(hours=8), "orders-projector", Code("r42", always=BROKEN_HANDLER), by=PIPELINE)
    world.deploy(world.ago(hours=2), "orders-projector", replace(good, revision="r43"), by=PIPELINE)
    return world
