"""Step 9 asks the trail once: the wider window of the playbook's last paragraph costs no further question."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import Counter
from datetime import timedelta

import pytest
from worlds import in_world, investigated

from runbook_lib.archive.record import Record
from runbook_lib.incident import Window
from runbook_lib.judging.diagnosis import Diagnosis
from runbook_lib.measuring.pipe import Measured
from runbook_lib.observed import Gap, Observed
from runbook_lib.running import investigation as investigation_module
from runbook_lib.running.investigation import Investigation
from runbook_lib.steps import Step


def reread(name: str) -> Investigation:
    """Open the recorded evidence of a world that was investigated."""
    return Investigation(Record.read(investigated(name).folder / "evidence"))


@in_world("poison-record")
def test_widening_asks_nothing_anew() -> None:
    """Where no change explains the fault, 48 hours are searched, and no event name is looked up twice."""
    investigation = reread("poison-record")
    asked = [call for call in investigation.record.calls() if call.operation == "LookupEvents" and call.page == 1]
    names = Counter((call.region, str(call.params["LookupAttributes"])) for call in asked)
    assert names
    assert set(names.values()) == {1}
    assert investigation.diagnosis.set_off_by is None
    wide = investigation.evidence.changes.searches[0].window
    assert wide.end - wide.start == timedelta(hours=48)


@in_world("mapping-paused")
def test_a_window_holds_its_own_events_only() -> None:
    """Events before the window that came with the answer are not observed until the window is widened."""
    investigation = reread("mapping-paused")
    changes = investigation.observe(9)
    event = changes.regional[-1]
    later = Window(event.at + timedelta(seconds=1), investigation.window.end)
    shorter = investigation.observe(9, window=later)
    assert event in changes.regional
    assert event not in shorter.regional


@in_world("mapping-paused")
def test_first_write_after_is_the_first() -> None:
    """The first minute with a write after a moment is what looking at every minute finds."""
    investigation = reread("mapping-paused")
    investigation.collect()
    seen = Measured(investigation.evidence)
    minutes = sorted(at for at, value in seen.write_minutes.items() if value > 0)
    for moment in (None, minutes[0], minutes[7], minutes[7] + timedelta(seconds=30), minutes[-1]):
        assert seen.first_write_after(moment) == next((at for at in minutes if moment is None or at > moment), None)


@pytest.mark.sampled
def test_the_report_builds_no_grammar_that_it_does_not_use() -> None:
    """The report's libraries load without the checker of IRIs, and whoever wants it afterwards gets it."""
    code = (
        "import sys\n"
        "from runbook_lib.report.import_guard import without_unused_grammars\n"
        "with without_unused_grammars():\n"
        "    from runbook_lib.report import execute, join, render\n"
        "assert not [name for name in sys.modules if name.startswith(('rfc3987_syntax', 'lark'))]\n"
        "join.nbformat.validate(join.join(join.shipped()))\n"
        "import rfc3987_syntax\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@in_world("mapping-paused")
def test_a_slow_trail_does_not_keep_the_verdict_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the trail alone is still being asked, what stands without it is told once, with the cause and the clock."""
    told: list[Diagnosis] = []
    is_told = threading.Event()
    investigation = reread("mapping-paused")
    look = investigation._look

    def late(step: Step, window: Window | None = None) -> Observed | Gap:
        assert step.number != 9 or is_told.wait(60)
        return look(step, window)

    def early(diagnosis: Diagnosis) -> None:
        told.append(diagnosis)
        is_told.set()

    monkeypatch.setattr(investigation_module, "_PATIENCE_S", 0.05)
    monkeypatch.setattr(investigation, "_look", late)
    investigation.collect(early=early)
    (so_far,) = told
    whole = investigation.diagnosis
    assert [cause.finding.id for cause in so_far.causes] == [cause.finding.id for cause in whole.causes]
    assert so_far.loss.deadline == whole.loss.deadline
    assert so_far.set_off_by is None
    assert whole.set_off_by is not None
    assert any("still being looked at" in blind.gap.reason for blind in so_far.gaps)
