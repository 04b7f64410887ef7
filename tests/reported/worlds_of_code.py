"""Reported: code that fails on some records or on all, and what it writes to its log meanwhile."""

from __future__ import annotations

from dataclasses import replace

from reported_worlds import NOW, SEED, Said, healthy, reported

from runbook_lib.sandbox import BROKEN_HANDLER, PIPELINE, SOUND, STACK, Code, Failure, World, build

NO_NEW_IMAGE = Failure(
    "KeyError",
    "'NewImage'",
    ('  File "/var/task/app.py", line 31, in handler', '    image = record["dynamodb"]["NewImage"]'),
)
REPORTED_AS_FAILED = Failure("", "the handler reports the one record that it cannot digest", returned=True)
REPORTS = ("ReportBatchItemFailures",)


def _released(failure: Failure, hours: int, minutes: int, **setting: object) -> World:
    """A release that fails on every batch, since so long."""
    world = healthy(**setting)
    at = world.ago(hours=hours, minutes=minutes)
    world.deploy(at, "orders-projector", Code("r42", always=failure), by=PIPELINE)
    return world


@reported(
    now=Said(
        "fault",
        "at_risk",
        causes=("handler-error (proved)",),
        first="R10",
        set_off_by="UpdateFunctionCode20150331v2",
        symptoms=("iterator-age-rising", "errors-high"),
    ),
    right="poison-record or handler-error; R6 and R10; and that removals carry no NewImage, whatever the view type",
)
def removals_have_no_new_image() -> World:
    """A release reads NewImage from removals too, which have none; each shard has met one and retries it."""
    world = healthy()
    at = world.ago(hours=2, minutes=11)
    world.deploy(at, "orders-projector", Code("r42", chokes_on="REMOVE", choking=NO_NEW_IMAGE), by=PIPELINE)
    return world


@reported(
    now=Said(
        "fault",
        "at_risk",
        causes=("handler-error (proved)",),
        first="R10",
        set_off_by="UpdateFunctionCode20150331v2",
        symptoms=("iterator-age-rising", "errors-high"),
    ),
    right="handler-error, set off by the release; R10",
    is_right=True,
)
def new_image_is_there_and_not_found() -> World:
    """A release raises KeyError 'NewImage' on every batch, on a stream that carries both images."""
    return _released(NO_NEW_IMAGE, 2, 11)


@reported(
    now=Said(
        "fault", "at_risk", causes=("partial-batch-misuse (likely)",), first="R10", symptoms=("iterator-age-rising",)
    ),
    right="one record is blocked: poison-record, or partial-batch-misuse as a suspicion; R6",
)
def one_record_reported_as_failed_for_ever() -> World:
    """The handler reports one record as failed, rightly, again and again; no error is counted, nor are events."""
    world = healthy(mapping={"response_types": REPORTS})
    world.begin_with_function(code=Code("r41", poisoned=REPORTED_AS_FAILED))
    world.poison(world.ago(hours=3, minutes=18))
    return world


@reported(
    now=Said(
        "fault",
        "at_risk",
        causes=("partial-batch-misuse (likely)",),
        first="R10",
        set_off_by="UpdateFunctionCode20150331v2",
        symptoms=("iterator-age-rising",),
    ),
    right="partial-batch-misuse, likely at most",
    is_right=True,
)
def failed_records_misnamed_and_nothing_counted() -> World:
    """The handler names failed records by a key that Lambda does not know, on a mapping that counts no events."""
    return build("failed-records-misnamed", NOW, SEED, mapping={"response_types": REPORTS})


@reported(
    now=Said(
        "fault",
        "at_risk",
        causes=("handler-error (proved)",),
        first="R10",
        set_off_by="UpdateFunctionCode20150331v2",
        symptoms=("iterator-age-rising", "errors-high"),
    ),
    right="an extension (a layer) crashes: look at layers and environment, not at the code",
)
def extension_that_crashes() -> World:
    """Since a release an extension ends every execution environment."""
    line = "RequestId: {request} Error: exit code 0\nExtension.Crash"
    return _released(Failure("Extension.Crash", "exit code 0", line=line), 2, 9)


@reported(
    now=Said(
        "fault",
        "at_risk",
        causes=("every-batch-fails (likely)",),
        first="R10",
        set_off_by="UpdateFunctionCode20150331v2",
        symptoms=("iterator-age-rising", "errors-high"),
    ),
    right="handler-error, set off by the release",
)
def code_in_rust_that_panics() -> World:
    """Since a release every invocation panics."""
    line = "thread 'main' panicked at src/main.rs:42:18:\ncalled `Option::unwrap()` on a `None` value"
    world = _released(Failure("panic", "called `Option::unwrap()` on a `None` value", line=line), 2, 9)
    world.begin_with_function(runtime="provided.al2023", handler="bootstrap")
    return world


@reported(
    now=Said(
        "fault",
        "at_risk",
        causes=("oom (proved)",),
        first="R10",
        set_off_by="UpdateFunctionCode20150331v2",
        symptoms=("iterator-age-rising", "errors-high"),
    ),
    right="oom, set off by the release",
    is_right=True,
)
def metaspace_that_is_too_small() -> World:
    """Since a release every invocation runs out of the memory that Java keeps for classes."""
    line = "Metaspace: java.lang.OutOfMemoryError\njava.lang.OutOfMemoryError: Metaspace"
    world = _released(Failure("java.lang.OutOfMemoryError", "Metaspace", line=line), 2, 9)
    world.begin_with_function(runtime="java21", handler="example.Handler::handleRequest")
    return world


@reported(
    now=Said(
        "fault",
        "at_risk",
        causes=("every-batch-fails (likely)",),
        first="R10",
        set_off_by="UpdateFunctionCode20150331v2",
        symptoms=("iterator-age-rising", "errors-high"),
    ),
    right="oom, set off by the release",
)
def out_of_memory_told_in_json() -> World:
    """Since a release every batch is killed, and only the platform's report in JSON says for what."""
    return _released(Failure("Runtime.OutOfMemory", "signal: killed", killed=True), 2, 9, log_format="JSON")


@reported(
    now=Said("no_fault", "none"),
    right="no fault: a warning in the log is no error of the code",
    is_right=True,
)
def warning_of_node_at_the_level_of_errors() -> World:
    """Everything works; Node writes its warning of something deprecated as an ERROR each time."""
    warning = (
        "2026-03-14T14:01:02.034Z\tundefined\tERROR\t(node:8) [DEP0040] DeprecationWarning: The `punycode` module is "
        "deprecated. Please use a userland alternative instead."
    )
    world = healthy()
    world.begin_with_function(code=replace(SOUND, chatter=(warning,)), runtime="nodejs22.x", handler="index.handler")
    return world


@reported(
    now=Said(
        "fault",
        "losing",
        causes=("handler-error (proved)",),
        first="R10",
        symptoms=("iterator-age-rising", "errors-high"),
    ),
    is_right=True,
    right="handler-error; records are lost already: those of 24 h ago are in the first batch, whose iterator "
    "age is that of its last record",
)
def failing_since_made_on_a_sparse_table() -> World:
    """One write a minute; a mapping made five hours ago at TRIM_HORIZON, and every batch of a hundred fails."""
    world = healthy()
    world.begin_without_mapping()
    world.begin_with_function(code=Code("r1", always=BROKEN_HANDLER))
    world.set_traffic(world.start, per_minute=1, jitter=1)
    world.create_mapping_again(world.ago(hours=5), by=STACK)
    return world


@reported(
    now=Said(
        "fault",
        "at_risk",
        causes=("handler-error (proved)",),
        first="R10",
        set_off_by="UpdateFunctionCode20150331v2",
        symptoms=("iterator-age-rising", "errors-high"),
    ),
    right="handler-error, or undetermined at least; never no fault",
    is_right=True,
)
def failing_since_thirteen_minutes() -> World:
    """A release thirteen minutes ago makes every batch fail."""
    return _released(BROKEN_HANDLER, 0, 13)
