"""Parameters in, errors that name the key out."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.errors import BadParameters
from runbook_lib.incident import Incident

GOOD = {
    "incident_id": "INC-1",
    "region": "eu-west-1",
    "table_name": "Orders",
    "function_name": "orders-projector",
}
AS_OF = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)

BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"tabel_name": "Orders"}, "`tabel_name`", "Did you mean `table_name`?"),
    ({"colour": "red"}, "`colour`", "Known are:"),
    ({"region": None}, "`region` is missing", "Add a line"),
    ({"region": "eu-west"}, "`region`", "such as `eu-west-1`"),
    ({"region": "EU-WEST-1"}, "`region`", "such as `eu-west-1`"),
    ({"table_name": "o"}, "`table_name`", "3-255"),
    ({"table_name": "arn:aws:dynamodb:eu-west-1:123456789012:table/Orders"}, "`table_name`", "no ARN"),
    ({"table_name": 42}, "`table_name`", "Quote it"),
    ({"account_id": 123456789012}, "`account_id`", "Quote it"),
    ({"account_id": "12345"}, "`account_id`", "twelve digits"),
    ({"detected_at": 50580}, "`detected_at`", "Quote it"),
    ({"detected_at": "yesterday"}, "`detected_at`", "ISO 8601"),
    ({"lookback_hours": "24"}, "`lookback_hours`", "whole number"),
    ({"lookback_hours": True}, "`lookback_hours`", "whole number"),
    ({"lookback_hours": 0}, "`lookback_hours`", "1 to 336"),
    ({"incident_id": "../../etc"}, "`incident_id`", "names a folder"),
    ({"incident_id": ".."}, "`incident_id`", "names a folder"),
    ({"incident_id": "a/b"}, "`incident_id`", "names a folder"),
    ({"function_name": "two words"}, "`function_name`", "function ARN"),
    ({"assume_role_arn": "Reader"}, "`assume_role_arn`", "ARN of an IAM role"),
    (
        {"function_name": "arn:aws:lambda:us-east-1:123456789012:function:orders-projector"},
        "disagree",
        "its own region",
    ),
    (
        {
            "function_name": "arn:aws:lambda:eu-west-1:111122223333:function:orders-projector",
            "account_id": "123456789012",
        },
        "disagree",
        "Correct one",
    ),
]


@pytest.mark.parametrize(("change", "problem", "remedy"), BAD)
def test_bad_parameter_names_key_and_remedy(change: dict[str, Any], problem: str, remedy: str) -> None:
    """Each mistake is refused in a sentence that names the key and says what to write instead."""
    with pytest.raises(BadParameters) as refused:
        Incident.from_mapping({**GOOD, **change})
    assert problem in refused.value.problem
    assert remedy in refused.value.remedy


def test_parameters_survive_a_round_trip() -> None:
    """What an incident was made from can be made again from what it gives back."""
    given = {**GOOD, "detected_at": "2026-03-14T14:00:00Z", "lookback_hours": 48, "role_name": "orders-role"}
    incident = Incident.from_mapping(given)
    assert incident == Incident.from_mapping(incident.parameters())
    assert incident.parameters()["detected_at"] == "2026-03-14T14:00:00Z"


def test_file_errors_name_the_file(tmp_path: Path) -> None:
    """A missing, broken or empty parameter file is named, and a near one is suggested."""
    (tmp_path / "INC-1.yaml").write_text("region: [", encoding="utf-8")
    (tmp_path / "INC-2.yaml").write_text("- a\n", encoding="utf-8")
    for name, words in (("INC-1.yaml", "not valid YAML"), ("INC-2.yaml", "no `key: value`"), ("INC-9.yaml", "INC-")):
        with pytest.raises(BadParameters, match=words) as refused:
            Incident.from_file(tmp_path / name)
        assert name in str(refused.value)


def test_file_reads_what_it_says(tmp_path: Path) -> None:
    """A YAML file gives the same incident as its mapping, quoted account id and unquoted time included."""
    path = tmp_path / "INC-1.yaml"
    path.write_text(
        "incident_id: INC-1\nregion: eu-west-1\ntable_name: Orders\nfunction_name: orders-projector:live\n"
        'account_id: "012345678901"\ndetected_at: 2026-03-14T14:00:00Z\n',
        encoding="utf-8",
    )
    incident = Incident.from_file(path)
    assert incident.account_id == "012345678901"
    assert incident.detected_at == datetime(2026, 3, 14, 14, tzinfo=UTC)
    assert (incident.function.name, incident.function.qualifier) == ("orders-projector", "live")


@pytest.mark.parametrize(
    ("detected", "start", "end"),
    [
        (None, AS_OF - timedelta(hours=24), AS_OF),
        (AS_OF - timedelta(hours=2), AS_OF - timedelta(hours=26), AS_OF),
        (AS_OF - timedelta(days=9), AS_OF - timedelta(days=10), AS_OF - timedelta(days=8)),
        (AS_OF + timedelta(hours=5), AS_OF - timedelta(hours=24), AS_OF),
    ],
)
def test_window_lies_around_detection(detected: datetime | None, start: datetime, end: datetime) -> None:
    """The window looks back from detection and never beyond the run's clock or a day after detection."""
    incident = Incident(**GOOD, detected_at=detected)
    window = incident.window(AS_OF)
    assert window.start == start.replace(second=0)
    assert window.end == end


@given(st.dictionaries(st.text(max_size=12), st.one_of(st.text(), st.integers(), st.none(), st.booleans())))
def test_any_mapping_is_accepted_or_refused_in_words(given: dict[str, Any]) -> None:
    """Whatever is given, the outcome is an incident or BadParameters, never another error."""
    refused = None
    try:
        Incident.from_mapping({**GOOD, **given})
    except BadParameters as trouble:
        refused = trouble
    assert refused is None or (refused.problem and refused.remedy)
