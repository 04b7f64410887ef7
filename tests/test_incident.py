"""Parameters in, errors that name the key out."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.errors import BadParameters
from runbook_lib.incident import Incident, Scope

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


_GIVEN = st.fixed_dictionaries(
    {
        "incident_id": st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True),
        "region": st.sampled_from(["eu-west-1", "us-gov-west-1"]),
        "table_name": st.from_regex(r"[A-Za-z0-9_.-]{3,40}", fullmatch=True),
        "function_name": st.sampled_from(["orders-projector", "orders-projector:live"]),
    },
    optional={
        "detected_at": st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)).map(
            lambda moment: f"{moment:%Y-%m-%dT%H:%M:%SZ}"
        ),
        "lookback_hours": st.integers(1, 336),
        "cloudtrail_log_group": st.just("trail"),
        "role_name": st.just("orders-role"),
        "account_id": st.just("012345678901"),
        "profile": st.just("reader"),
        "assume_role_arn": st.just("arn:aws:iam::012345678901:role/Reader"),
        "archive": st.sampled_from(["archive", "kept/here"]),
    },
)
"""Parameters as a file may have them."""


@given(_GIVEN)
def test_any_parameters_come_back_in_the_order_of_a_file(given: dict[str, Any]) -> None:
    """An incident gives back what it was made from and its defaults, and is the same incident when made of that."""
    incident = Incident.from_mapping(given)
    back = incident.parameters()
    assert back == {"lookback_hours": 24, "archive": "archive", **given}
    assert list(back) == [name for name in Incident.parameter_names() if name in back]
    assert Incident.from_mapping(back) == incident


@given(_GIVEN)
def test_an_incident_is_its_scope_with_table_and_function(given: dict[str, Any]) -> None:
    """What an incident says of its scope makes a scope with the same window, which names no table or function."""
    incident = Incident.from_mapping(given)
    shared = {key: value for key, value in incident.parameters().items() if key in Scope.parameter_names()}
    scope = Scope.from_mapping(shared)
    assert scope.parameters() == shared
    assert scope.window(AS_OF) == incident.window(AS_OF)
    again = Incident.within(scope, incident.incident_id, incident.table_name, incident.function_name)
    assert again == replace(incident, cloudtrail_log_group=None, role_name=None)
    assert scope != incident


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"incident_id": "sweep", "region": "eu-west-1", "table_name": "Orders"},
            "Unknown parameter `table_name` in the arguments of `sweep`. Known are: incident_id, region, detected_at,"
            " lookback_hours, account_id, profile, assume_role_arn, archive.",
        ),
        (
            {"incident_id": "sweep", "region": "nowhere"},
            "Parameter `region` in the arguments of `sweep` is 'nowhere'. It must be an AWS region such as"
            " `eu-west-1`.",
        ),
        (
            {"incident_id": "sweep"},
            "Parameter `region` is missing in the arguments of `sweep`. Add a line `region: ...`.",
        ),
    ],
)
def test_a_scope_refuses_what_it_does_not_know(given: dict[str, Any], said: str) -> None:
    """A scope is held to the same rules in the same words, and a table or function is no part of it."""
    with pytest.raises(BadParameters) as refused:
        Scope.from_mapping(given, source="the arguments of `sweep`")
    assert str(refused.value) == said


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
