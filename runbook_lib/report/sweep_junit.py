"""A sweep as JUnit XML: one case per trigger, red exactly when the command's exit code is not 0."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from runbook_lib.report.junit import ERROR, FAILURE, JunitCase, written

_OUTCOMES = {"fault": FAILURE, "suspect": ERROR, "not_examined": ERROR}
_STATUSES = {"fault": FAILURE, "undetermined": ERROR, "could_not_run": ERROR}


def sweep_junit(document: Mapping[str, Any]) -> bytes:
    """Give the document of a sweep as JUnit XML; the same document, the same bytes."""
    counts = ", ".join(f"{outcome}: {count}" for outcome, count in document["counts"].items())
    properties = (("counts", counts), ("not_examined", ", ".join(document["not_examined"])))
    began = (document["as_of"] or "")[:19]
    return written("runbook sweep", began, properties, tuple(_cases(document)))


def _cases(document: Mapping[str, Any]) -> Iterator[JunitCase]:
    for area in document["areas"]:
        place = f"{area['account'] or area['role'] or 'account'}.{area['region']}"
        if area["error"]:
            yield JunitCase(place, "area", ERROR, "could_not_run", area["error"])
        for gap in area["gaps"]:
            yield JunitCase(place, gap["call"], ERROR, gap["code"], gap["reason"])
    for trigger in document["triggers"]:
        yield _case(trigger)


def _case(trigger: Mapping[str, Any]) -> JunitCase:
    """Give one trigger; what a full investigation found counts for more than the triage."""
    looked = trigger["investigation"]
    kind = looked["status"] if looked else trigger["outcome"]
    outcome = (_STATUSES if looked else _OUTCOMES).get(kind, "system-out")
    place, name = f"{trigger['account']}.{trigger['region']}", f"{trigger['table']} -> {trigger['function']}"
    sentence = looked["sentence"] if looked else trigger["sentence"]
    if outcome == "system-out":
        return JunitCase(place, name, lines=(sentence,))
    because = [f"- {each}" for cause in trigger["causes"] for each in cause["because"]]
    return JunitCase(place, name, outcome, kind, sentence, (*because, trigger["loss"]["sentence"], *trigger["unseen"]))
