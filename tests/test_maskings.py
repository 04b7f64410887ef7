"""What hides behind something else: each masking of the failure catalogue, and that the kit looks behind it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from worlds import tried

from runbook_lib import views
from runbook_lib.cli.terminal import print_diagnosis
from runbook_lib.diagnosis import Diagnosis, Status
from runbook_lib.loss_clock import LossState
from runbook_lib.verdict import to_json

SCHEMA = json.loads((Path(__file__).parent.parent / "docs" / "verdict.schema.json").read_text(encoding="utf-8"))


def _causes(found: Diagnosis) -> list[str]:
    return [one.finding.id for one in found.causes]


@pytest.mark.xdist_group("paused-and-nobody-writes")
def test_masking_08_no_traffic_hides_a_latent_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where nobody writes a fault has done no harm: it is latent, told everywhere, and no clean bill."""
    world = tried("paused-and-nobody-writes")
    found = world.diagnosis
    assert (_causes(found), [one.finding.id for one in found.latent]) == ([], ["esm-disabled-by-user"])
    assert "no-table-writes" in {one.finding.id for one in found.innocent}
    assert (found.status, found.exit_code, found.loss.state) == (Status.FAULT, 1, LossState.NONE)
    assert found.sentence.startswith("Nobody writes to the table")
    assert found.latent[0].finding.title in found.sentence
    print_diagnosis(found, tmp_path)
    assert "Latent 1   esm-disabled-by-user" in capsys.readouterr().out
    assert "Latent fault, likely: The event source mapping" in repr(views.diagnosis_view(found))
    verdict = to_json(found, world.record)
    Draft202012Validator(SCHEMA).validate(verdict)
    assert [(one["id"], one["remedies"]) for one in verdict["latent"]] == [("esm-disabled-by-user", ["R1"])]
