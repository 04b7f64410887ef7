"""Secrets leave nothing behind; people become pseudonyms that stay the same."""

from __future__ import annotations

import json
import stat
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from secret_samples import SECRETS, SURVIVORS

from runbook_lib.archive.redact import Redactor, actors_file


@pytest.mark.parametrize(("kind", "text", "secret"), SECRETS)
def test_secret_is_gone_and_counted(kind: str, text: str, secret: str) -> None:
    """Each kind of secret in any text is taken out and counted under its name."""
    clean, counts = Redactor("salt").answer("FilterLogEvents", {"events": [{"message": text}]})
    assert secret not in json.dumps(clean)
    assert counts == {kind: 1}


@pytest.mark.parametrize("text", SURVIVORS)
def test_evidence_survives(text: str) -> None:
    """Names, identifiers, sequence numbers and hashes are evidence and stay as they are, alone and in a sentence."""
    for said in (text, f"{text}\n", f"could not read {text}, giving up.", f'{{"seen": "{text}", "n": 1}}'):
        clean, counts = Redactor("salt").answer("FilterLogEvents", {"message": said})
        assert (clean, counts) == ({"message": said}, {})


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


def test_user_that_a_call_was_about_becomes_a_pseudonym() -> None:
    """IAM's error message and the resources that LookupEvents lists name the user, too: one pseudonym everywhere."""
    event = {
        "userIdentity": {"type": "IAMUser", "userName": "jane.doe"},
        "requestParameters": {"userName": "john-roe"},
        "errorMessage": "The user with name john-roe cannot be found, nor john-roe-2.",
    }
    redactor = Redactor("salt")
    resources = [
        {"ResourceType": "AWS::IAM::User", "ResourceName": "john-roe"},
        {"ResourceType": "AWS::IAM::Role", "ResourceName": "orders-role"},
    ]
    clean, _ = redactor.answer(
        "LookupEvents", {"Events": [{"CloudTrailEvent": json.dumps(event), "Resources": resources}]}
    )
    (redacted,) = clean["Events"]
    john = redactor.pseudonym("john-roe")
    said = json.loads(redacted["CloudTrailEvent"])["errorMessage"]
    assert said == f"The user with name {john} cannot be found, nor john-roe-2."
    assert [each["ResourceName"] for each in redacted["Resources"]] == [john, "orders-role"]


@pytest.mark.parametrize("address", ["AWS Internal", "lambda.amazonaws.com"])
def test_source_that_is_no_address_survives(address: str) -> None:
    """What stands for AWS itself in the place of an address is nobody's, and tells through what a call came."""
    event = json.dumps({"userIdentity": {"type": "IAMUser"}, "sourceIPAddress": address})
    clean, counts = Redactor("salt").answer("LookupEvents", {"CloudTrailEvent": event})
    assert json.loads(clean["CloudTrailEvent"])["sourceIPAddress"] == address
    assert counts == {}


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
    """Redacting what was redacted changes nothing more, and keeps the shape."""
    redactor = Redactor("salt")
    once, _ = redactor.answer("DescribeTable", answer)
    assert type(once) is type(answer)
    assert json.loads(json.dumps(once)) == once
    assert redactor.answer("DescribeTable", once) == (once, {})


_SAID = st.lists(
    st.sampled_from([text for _, text, _ in SECRETS] + list(SURVIVORS[::4])) | st.text(max_size=12), max_size=4
)


@given(_SAID, st.sampled_from((" ", "\n", ", ", "\t")))
def test_redacted_text_is_not_redacted_again(said: list[str], between: str) -> None:
    """Secrets side by side, among whatever text, are taken out the first time and left alone the second."""
    redactor = Redactor("salt")
    once, _ = redactor.answer("FilterLogEvents", {"message": between.join(said)})
    assert redactor.answer("FilterLogEvents", once) == (once, {})


@pytest.mark.parametrize(("kind", "text", "secret"), SECRETS)
def test_same_secret_reads_the_same(kind: str, text: str, secret: str) -> None:
    """Within a run a secret has one pseudonym, another salt gives another, and no map leads back to a secret."""
    first, second = Redactor("salt"), Redactor("other salt")
    assert first.text(f"once: {text}").removeprefix("once: ") == first.text(text)
    assert first.text(text) != second.text(text)
    assert kind in ("session", "user") or not first.names


@pytest.mark.parametrize(
    "unit", ["A", "--", "?sig=", "eyJ-abcdefgh.", "a.", "a@", '"S":"', "password=", "a://", "4111 ", "\\"]
)
def test_long_text_is_redacted_in_no_time(unit: str) -> None:
    """No text makes a pattern go back and forth: the time grows with the length alone."""
    text = f"{unit * 8_000} key token secret password bearer cookie signature= :// @ eyJ"
    begun = time.process_time()
    Redactor("salt").text(text)
    assert time.process_time() - begun < 10


def test_corpora_are_large() -> None:
    """There are many samples of either sort, each of them once."""
    assert len({text for _, text, _ in SECRETS}) == len(SECRETS) >= 40
    assert len(set(SURVIVORS)) == len(SURVIVORS) >= 80
