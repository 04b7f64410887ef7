"""Every threshold that judging turns on: from where on something is late, quiet, recent, or enough.

Each says why it is needed, and where its value comes from: AWS's documentation, the playbook, or judgement. The same
value with two meanings is two thresholds. docs/thresholds.md is made from this file, so the text below a threshold
keeps to `reason. Unit: of a bare number. Source: where from.`

What collecting needs as well stands further left: `instant.RETENTION`, `incident.Window.settled_end`, and the delays of
the trail in `evidence.changes`. How long after a change its harm may begin is on the card of each finding (`lag`).
"""

from __future__ import annotations

from datetime import timedelta

# What is delivered

DELIVERY_SLACK = timedelta(minutes=5)
"""Batching, polling and metric delivery may take this long on a healthy trigger. Source: judgement."""

QUIET_TABLE = timedelta(minutes=30)
"""A table that nobody wrote to for this long is quiet: its trigger has had nothing to do. Source: judgement."""

SILENCE = timedelta(minutes=6)
"""Silence longer than this, with writes in it, is no accident of batching. Source: judgement."""

YOUNG_SILENCE = timedelta(minutes=2)
"""Nothing for so long after a write, beside what the mapping gathers, is no all-clear any more: a minute may be half
counted, two are not. Source: judgement; alarms go off after five minutes, three of which are not yet settled."""

YOUNG_SILENCE_TIMES = 2
"""A silence so much longer than this pipe is used to is a stop, however young it is. Unit: times. Source: judgement."""

NEXT_MINUTE = timedelta(minutes=1)
"""Every pipe is used to so long a silence: what is written in one minute comes out in the next. Source: judgement."""

USUAL_SILENCES = 3
"""What this pipe is used to is the length that so many earlier silences of the window have reached; one or two may have
been troubles. Unit: silences. Source: judgement."""

FEWEST_DELIVERIES = 30
"""A pipe that delivered in fewer minutes of the window has no history that a silence could be held against. Unit:
minutes. Source: judgement."""

READ_THROUGHOUT = 0.9
"""A stream that was read in so many periods and handed nothing out was read all the time. Unit: of the periods.
Source: judgement."""

# How old what waits is

LONG_WAIT = timedelta(minutes=10)
"""A record that waits longer than this is late: it waits for more than its batch. Source: judgement."""

NEWEST_AGES = 3
"""So many of the newest iterator ages count together: a blocked shard is not tried in every minute, so that the very
newest may be of a shard that keeps up. Unit: datapoints. Source: judgement."""

EARLIER_AGES = timedelta(minutes=30)
"""The newest ages are compared with those of so long before them: a backlog is worked off where they are younger than
all of these. Source: judgement."""

FEWEST_AGES = 3
"""With fewer iterator ages than this nothing is said of when a backlog began. Unit: datapoints. Source: judgement."""

KEEPS_UP = timedelta(minutes=1)
"""A trigger that keeps up hands records over within this: nothing waits. Source: judgement."""

MOVED_ON = timedelta(minutes=10)
"""Where the oldest record is so much younger than the last moment without a backlog, others were delivered since: the
trigger falls behind, and no single batch has waited ever since. Source: judgement."""

AGE_OUTDATED = timedelta(minutes=15)
"""An iterator age older than this does not say what waits now. Source: judgement."""

KEY_SHOWS = timedelta(minutes=75)
"""Up to so long after a table's key was lost its status does not say so. Source: observed on five tables in October
2026, 12.6 to 75 minutes."""

UNNOTICED = timedelta(hours=1)
"""A trigger may have fallen behind for this long before its iterator age leaves the ground. Source: judgement."""

LEAST_CLIMB = timedelta(minutes=5)
"""An iterator age that has climbed with the clock for less than this may be chance: one that starts anew with every
batch comes nowhere near. Source: judgement."""

UNEVEN_SHARDS = 1.25
"""So many more writes than fill one batch on every shard may lie between its first record and its last: shards do not
get equal shares. Unit: times. Source: judgement."""

STILL_CLIMBS = 0.8
"""A backlog of which the age has risen so fast since it was lowest is not worked off any more. Unit: of the clock's
speed. Source: judgement."""

LONGEST_PAUSE = timedelta(minutes=10)
"""Two tries of one blocked batch are not further apart than this, as AWS backs off. Source: judgement."""

CLIMB_DRIFT = 0.1
"""An age climbs with the clock where it is off by no more than this. Unit: of the time that passed.
Source: judgement."""

CLIMB_JITTER = timedelta(minutes=1)
"""That much more it may be off: a datapoint stands for its whole minute. Source: judgement."""

EXPIRY_MARGIN = timedelta(minutes=20)
"""A batch that was sent with less than this left of its 24 hours has older ones that expire unread. Source:
judgement."""

NEAR_EXPIRY = 0.95
"""An iterator age beyond this came close to the end of a record's life. Unit: of the 24 hours. Source: judgement."""

NOTABLE_AGE = timedelta(hours=1)
"""Where nothing explains a fault, a record as old as this is worth a look. Source: judgement."""

# When it began, and what belongs together

FIRST_WINDOW = timedelta(minutes=5)
"""A change this near to the onset is looked at first. Source: the playbook, diagnosis 7."""

SAME_TIME = timedelta(minutes=5)
"""Two signs of the onset this near to each other tell of the same moment. Source: judgement."""

MADE_TOGETHER = timedelta(minutes=5)
"""Calls that one actor makes on one object within this are one change. Source: judgement."""

STILL_THROTTLED = timedelta(minutes=5)
"""Throttles that ended longer ago than this are over. Source: judgement."""

TWO_TROUBLES = timedelta(minutes=30)
"""Failures further apart than this are two troubles, and failures that ended longer ago are over. Source: judgement."""

STOPPED_TOGETHER = timedelta(minutes=10)
"""Functions of a stream whose last invocations are this near to each other, and to an event of AWS's, stopped with it.
Source: judgement."""

GOES_ON = timedelta(minutes=15)
"""A function that was invoked for so long after ours was not stopped with it. Source: judgement."""

# What fails

RECENT_FAILURE = timedelta(minutes=45)
"""A failure that the log has not shown for this long is over; the log itself may be ten minutes late. Source:
judgement."""

REPEATED_FAILURE = timedelta(hours=1)
"""A failure that the log has shown within this may tell when the harm began. Source: judgement."""

FAILING_NOW = timedelta(hours=1)
"""Failures are counted over this stretch to say that invocations fail now, and how many. Source: judgement."""

YOUNG_FAILURE = timedelta(minutes=2)
"""So long must invocations have failed, and none succeeded, before all of them fail. Source: judgement."""

YOUNG_FAILURES = 3
"""So many must have failed by then. Unit: invocations. Source: judgement."""

OTHERS_PASS = 0.5
"""Beside a batch that waits the other shards pass where more than so many minutes with writes have successes. Unit: of
the minutes. Source: judgement."""

NOT_ALL_FAILED = 0.5
"""Not every batch failed where more than so many minutes of the last failures have successes. Unit: of the minutes.
Source: judgement."""

FEWEST_FAILURES = 3
"""Where nothing succeeded and fewer than this failed, it is not said that every invocation fails. Unit: invocations.
Source: judgement."""

BY_CHANCE = 0.01
"""Nor where as many in a row would have failed with this probability, by the share that failed before. Unit: of 1.
Source: judgement."""

RAN_OUT = 0.99
"""An invocation that ran for so much of its timeout ran into it. Unit: of the timeout. Source: judgement."""

SUSTAINED_FAILURE = 0.1
"""Where fewer invocations fail, finite retries most likely get through in time. Unit: of the invocations. Source:
judgement."""

# Room to run

LATELY = timedelta(minutes=20)
"""Throttles, executions and ages of this stretch tell how much room there is now. Source: judgement."""

USED_UP = 0.95
"""Concurrency from this on is used up. Unit: of the limit. Source: judgement."""

LEAST_PROGRESS = 0.05
"""The least progress of a backlog that is worked off and not stuck. Unit: of the clock's speed. Source: judgement."""

AT_WORK = 0.8
"""A function that spends this much on batches has no time left for more. Unit: of the time of every batch that
may be out at once. Source: judgement."""

PAYLOAD = 6_000_000
"""One invocation takes no more than this. Unit: bytes. Source:
<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>."""

SHARD_READERS = 2
"""More readers of a shard at once are throttled. Unit: at once. Source:
<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html>."""

REPLICA_SHARD_READERS = 1
"""The same for a global table, whose replication reads as well. Unit: at once. Source:
<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html>."""

# Mapping, role and function

START_UP = timedelta(minutes=15)
"""Polling follows a new mapping within this. Source: judgement; "several minutes" in
<https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html>."""

SETTLES = timedelta(minutes=10)
"""An Enabled mapping that was changed within this need not poll yet. Source: judgement; "several minutes" in
<https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html>."""

STUCK = timedelta(minutes=15)
"""A mapping that has been between two states for longer seems stuck. Source: judgement; how long it may take is not
published."""

POLLED_LATELY = timedelta(minutes=30)
"""A poller that was seen to read within this may read: the trail is delivered up to a quarter of an hour late, and a
poller describes its stream now and then only. Source: judgement."""

DESCRIBED_EVERY = timedelta(minutes=15)
"""A poller's DescribeStream is seen now and then, so that its last one may be this much older than its last poll.
Source: judgement."""

PENDING = timedelta(minutes=6)
"""A function that takes longer than this to become Active is stuck. Source:
<https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-invocation.html>."""

LOG_DELAY = timedelta(minutes=15)
"""A log whose newest line is so much older than the last invocation stays silent. Source: judgement."""

# Table

CLOCK_SKEW = timedelta(minutes=1)
"""A stream whose label is older than its table by no more than this may be the table's own. Source: judgement."""

SIMILAR_NAME = 0.5
"""A table whose name is as like as this may be the one that was meant. Unit: of a perfect likeness. Source:
judgement."""

GROWN_TIMES = 3
"""A kind of write that comes so much more often than in its quietest hour has grown. Unit: times. Source: judgement."""

OUTGROWN = 2
"""It has outgrown the days before, and the other kinds of write, where it has grown by so much more than they. Unit:
times. Source: judgement."""

# What to look at where nothing correlates

DRIFT_HOURS = 6
"""A gradual change is looked for in the last hours with data, by their medians. Unit: hours. Source: judgement."""

DRIFT_FEWEST = 4
"""Fewer hours with data show no drift. Unit: hours. Source: judgement."""

DRIFT_RISE = 2
"""A drift is notable where it ends at so much more than its start. Unit: times. Source: judgement."""

HABIT_DAYS = 3
"""On fewer days with invocations no habit is seen. Unit: days. Source: judgement."""

LONG_BATCHING = 60
"""A mapping that gathers records for this long makes deliveries visibly late. Unit: seconds. Source: judgement."""

# Whether it has recovered

TREND_AGES = 10
"""So many of the newest iterator ages since the repair show where it is going. Unit: datapoints. Source: judgement."""

TREND_FEWEST = 4
"""Fewer ages show no trend. Unit: datapoints. Source: judgement."""

STANDS_STILL = 0.05
"""An age that changes by less than this stands still. Unit: of the clock's speed. Source: judgement."""

LOSS_OVER = timedelta(minutes=10)
"""So long must nothing have failed before a loss counts as over. Source: judgement."""
