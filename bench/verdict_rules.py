"""Rules on the sentences of a verdict as a whole, whatever the world: what a reader would trip over.

`check` takes `verdict.json` as plain values and names every offence; none is what a verdict should have.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

Document = dict[str, Any]

JUDGED = ("causes", "contributing", "symptoms", "latent", "not_causes", "ruled_out")
"""The lists of a verdict whose members give reasons."""

_COUNTED = (
    "alarms|batches|bytes|calls|causes|changes|copies|days|deliveries|errors|events|executions|failures|faults|filters"
    "|functions|hours|invocations|items|lines|mappings|minutes|periods|readers|records|requests|retries|searches"
    "|seconds|shards|streams|tables|times|triggers|writes"
)
_BETWEEN = r"(?:(?!of\b|and\b|or\b|to\b|in\b)[a-z]+ ){0,2}"
_ODD_NUMBER = re.compile(rf"(?<![\w.,:/-])[01] {_BETWEEN}(?:{_COUNTED})\b")
"""`1 records`, `0 shards`, `1 write requests`; not `0 of 5 records`, nor the end of `10,001 records`."""

_QUOTE = re.compile(r" (?:say|last said): .*|`[^`]*`", re.DOTALL)
"""What is AWS's or the log's own wording."""

_SINCE = re.compile(
    r"\b(?:climbed|failed|failing|throttled)\b[^.;:]*? since (?:about )?(?:(\d{4}-\d\d-\d\d) )?(\d\d:\d\d) UTC"
)
_SLACK = timedelta(minutes=1)

_NO_WRITES = re.compile(r"\b(?:[Nn]obody writes|Nothing was written, so|counts no write to the table)\b")
_WRITES = re.compile(r"\b\d[\d,]* write requests? from\b.*\bnothing\b|\b\d[\d,]* writes? succeeded")
_WORKS = re.compile(r"\bThe trigger works\b")
_NOT_READ = re.compile(r"the counters are not readable|could not be told: \S+ was not read")
_READ = re.compile(r"the counters were read and do not tell")


def check(verdict: Document) -> list[str]:
    """Name what is wrong with the sentences of a verdict, each offence once."""
    rules = (_empty_reasons, _odd_numbers, _repeated, _contradictions, _other_onsets)
    return list(dict.fromkeys(offence for rule in rules for offence in rule(verdict)))


def _reasons(verdict: Document) -> Iterator[tuple[str, str, list[str]]]:
    """Every list of reasons with where it stands and whose it is."""
    for name in JUDGED:
        for judged in verdict[name]:
            yield name, judged["id"], judged["because"]
            if judged.get("not_explained"):
                yield name, f"{judged['id']} (not explained)", judged["not_explained"]


def _said(verdict: Document) -> Iterator[str]:
    """Every sentence that a reader sees, without what it quotes."""
    loss, onset, trigger = verdict["loss"], verdict["onset"], verdict["trigger"]
    whole = [verdict["sentence"], *verdict["unexplained"], loss["basis"], *(one["basis"] for one in loss["mappings"])]
    whole += [judged["title"] for name in JUDGED if name != "ruled_out" for judged in verdict[name]]
    whole += [words for _, _, because in _reasons(verdict) for words in because]
    whole += onset["from"] if onset else []
    whole += [trigger["correlation"]] if trigger else []
    whole += [flow["basis"] for name, flow in verdict["stages"].items() if name != "by_mapping"]
    whole += [fallback["answer"] for fallback in verdict["fallbacks"]]
    whole += [proposal[part] for proposal in verdict["proposals"] for part in ("what", "why")]
    if comparison := verdict["comparison"]:
        whole += [comparison["sentence"], *(neighbour["basis"] for neighbour in comparison["neighbours"])]
    yield from (_QUOTE.sub("", words) for words in dict.fromkeys(whole))


def _empty_reasons(verdict: Document) -> Iterator[str]:
    for name, id, because in _reasons(verdict):
        if not because or not all(words.strip() for words in because):
            yield f"{name}: {id} has no reason"
    for untold in verdict["undetermined"]:
        if not untold["needs"]:
            yield f"undetermined: {untold['id']} needs nothing"


def _odd_numbers(verdict: Document) -> Iterator[str]:
    for words in _said(verdict):
        if found := _ODD_NUMBER.search(words):
            yield f"{found.group()!r} in {words!r}"


def _repeated(verdict: Document) -> Iterator[str]:
    for name, id, because in _reasons(verdict):
        yield from (f"{name}: {id} says twice: {words!r}" for words in set(because) if because.count(words) > 1)


def _contradictions(verdict: Document) -> Iterator[str]:
    """Two sentences that cannot both be true, of those that have been met."""
    ids = {id for name, id, _ in _reasons(verdict) if name in ("not_causes", "causes", "contributing")}
    sentences = list(_said(verdict))
    both = (
        (_NO_WRITES, _WRITES, True),
        (_WORKS, re.compile(""), bool(verdict["causes"] or verdict["unexplained"])),
        (_NOT_READ, re.compile(""), all(_measured(verdict))),
        (_READ, re.compile(""), not any(_measured(verdict))),
    )
    for one, other, matters in both:
        found = next((words for words in sentences if one.search(words)), None)
        against = next((words for words in sentences if other.search(words) and words != found), None)
        if matters and found and against:
            yield f"{found!r} beside {against!r}"
    ruled_out = {id for name, id, _ in _reasons(verdict) if name == "ruled_out"}
    yield from (f"{id} is there and ruled out" for id in sorted(ids & ruled_out))


def _measured(verdict: Document) -> Iterator[bool]:
    for name in ("written", "invoked", "succeeded"):
        yield verdict["stages"][name]["state"] != "unknown"


def _other_onsets(verdict: Document) -> Iterator[str]:
    """A trouble that goes on "since" another time than the onset that stands on the same page."""
    onset = verdict["onset"]
    if onset is None:
        return
    as_of = datetime.fromisoformat(verdict["as_of"])
    earliest, latest = (datetime.fromisoformat(onset[bound]) for bound in ("earliest", "latest"))
    for name in ("causes", "symptoms"):
        for words in (_QUOTE.sub("", words) for judged in verdict[name] for words in judged["because"]):
            for day, time in _SINCE.findall(words):
                at = datetime.fromisoformat(f"{day or f'{as_of:%Y-%m-%d}'}T{time}:00+00:00")
                if not earliest - _SLACK <= at <= latest + _SLACK:
                    yield f"{words!r}, and the onset is {onset['at']}"
