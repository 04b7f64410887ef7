"""Secrets leave nothing behind; people become pseudonyms that stay the same."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.redact import Redactor, actors_file

SECRETS = [
    ("access_key", "key AKIAIOSFODNN7EXAMPLE used", "AKIAIOSFODNN7EXAMPLE"),
    ("token", "jwt eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.SflKxwRJSMeKKF2QT4", "eyJhbGciOiJIUzI1"),
    ("authorization", "Authorization: Bearer abcdefghijklmnop", "abcdefghijklmnop"),
    ("password", '{"password": "hunter22"}', "hunter22"),
    ("presigned", "https://b.s3.amazonaws.com/k?X-Amz-Signature=0a1b2c3d", "0a1b2c3d"),
    ("email", "sent to jane.doe@example.com today", "jane.doe@example.com"),
    ("session", "arn:aws:sts::123456789012:assumed-role/Deployer/jane.doe did it", "jane.doe"),
    ("user", "arn:aws:iam::123456789012:user/jane.doe did it", "jane.doe"),
]

SURVIVORS = [
    "arn:aws:lambda:eu-west-1:123456789012:function:orders-projector:live",
    "arn:aws:dynamodb:eu-west-1:123456789012:table/Orders/stream/2026-03-14T12:29:10.952",
    "arn:aws:iam::123456789012:role/service-role/orders-projector-role",
    "arn:aws:sts::123456789012:assumed-role/orders-role/awslambda_701_20260917131452217",
    "92f53014-5709-4900-8225-74261ef4db9d",
    "shardId-00000001773486917528-5f1d3c2a",
    "49590338271490256608559692538361571095921575989136588898",
    "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
    "REPORT RequestId: 3604209a-e9a3-11e6-939a-754dd98c7be3 Duration: 12.34 ms",
    "dynamodb.amazonaws.com",
]


@pytest.mark.parametrize(("kind", "text", "secret"), SECRETS)
def test_secret_is_gone_and_counted(kind: str, text: str, secret: str) -> None:
    """Each kind of secret in any text is taken out and counted under its name."""
    clean, counts = Redactor("salt").answer("FilterLogEvents", {"events": [{"message": text}]})
    assert secret not in json.dumps(clean)
    assert counts == {kind: 1}


@pytest.mark.parametrize("text", SURVIVORS)
def test_evidence_survives(text: str) -> None:
    """Names, identifiers, sequence numbers and hashes are evidence and stay as they are."""
    clean, counts = Redactor("salt").answer("FilterLogEvents", {"message": text})
    assert (clean, counts) == ({"message": text}, {})


def test_environment_and_items_are_dropped_by_field() -> None:
    """Values of environment variables and of items never pass, whatever they look like."""
    answer = {"Environment": {"Variables": {"DB": "plain"}}, "dynamodb": {"NewImage": {"name": {"S": "Jane"}}}}
    clean, counts = Redactor("salt").answer("GetFunctionConfiguration", answer)
    assert clean == {
        "Environment": {"Variables": {"DB": "[redacted]"}},
        "dynamodb": {"NewImage": {"name": "[redacted]"}},
    }
    assert counts == {"environment": 1, "item": 1}


def test_people_in_trail_events_become_pseudonyms() -> None:
    """A trail event keeps its role, loses person, address and key, and stays readable JSON."""
    event = {
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": "AROAEXAMPLE:jane.doe",
            "arn": "arn:aws:sts::123456789012:assumed-role/Deployer/jane.doe",
            "accessKeyId": "ASIAIOSFODNN7EXAMPLE",
        },
        "sourceIPAddress": "192.0.2.7",
    }
    redactor = Redactor("salt")
    clean, _ = redactor.answer(
        "LookupEvents", {"Events": [{"Username": "jane.doe", "CloudTrailEvent": json.dumps(event)}]}
    )
    text = json.dumps(clean)
    assert "jane.doe" not in text
    assert "192.0.2.7" not in text
    assert "ASIAIOSFODNN7EXAMPLE" not in text
    inner = json.loads(clean["Events"][0]["CloudTrailEvent"])
    person = clean["Events"][0]["Username"]
    assert inner["userIdentity"]["arn"] == f"arn:aws:sts::123456789012:assumed-role/Deployer/{person}"
    assert redactor.names[person] == "jane.doe"


def test_pseudonyms_last_for_a_run_and_no_longer(tmp_path: Path) -> None:
    """The map beside the run folder, for its owner alone, keeps a pseudonym the same; another salt gives another."""
    first = Redactor()
    folder = tmp_path / "run"
    alias = first.pseudonym("jane.doe")
    first.keep(folder)
    assert stat.S_IMODE(actors_file(folder).stat().st_mode) == 0o600
    assert Redactor.beside(folder).pseudonym("jane.doe") == alias
    assert Redactor().pseudonym("jane.doe") != alias


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=15), inner, max_size=3),
    max_leaves=12,
)


@given(_JSON)
def test_redaction_is_done_once(answer: Any) -> None:
    """Redacting what was redacted changes nothing more but pseudonyms' own names, and keeps the shape."""
    once, _ = Redactor("salt").answer("DescribeTable", answer)
    assert type(once) is type(answer)
    assert json.loads(json.dumps(once)) == once
