"""Incidents from a CloudWatch alarm: on their way into parameter files, or straight into an investigation."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import yaml

from runbook_lib import instant
from runbook_lib.alarm import LARGEST, Alarm, AlarmSubject, cases_of, describe, door, incidents_of, read_event
from runbook_lib.alarm.lookup import Door
from runbook_lib.cli.terminal import print_note
from runbook_lib.errors import BadParameters, NothingToInvestigate
from runbook_lib.incident import Incident

_QUIET = ("OK",)
"""States whose event is no call for help. An alarm without data may well be one."""


def write(chosen: argparse.Namespace) -> int:
    """Write a parameter file for each trigger that the alarm is about, or print the only one."""
    incidents = from_alarm(chosen)
    if not incidents:
        raise BadParameters("No alarm is named.", "Give --alarm NAME --region R, or --event FILE.")
    if chosen.out and (chosen.out.endswith("/") or Path(chosen.out).is_dir()):
        for incident in incidents:
            _write(incident, Path(chosen.out) / f"{incident.incident_id}.yaml")
        return 0
    if len(incidents) > 1:
        pairs = "; ".join(f"{choice.table_name} -> {choice.function_name}" for choice in incidents)
        raise BadParameters(
            f"The alarm is about {len(incidents)} triggers: {pairs}.",
            "Choose one with --table and --function, or give a folder for all of them: --out params/.",
        )
    if chosen.out:
        _write(incidents[0], Path(chosen.out))
    else:
        print(_text(incidents[0]), end="")
    return 0


def from_alarm(chosen: argparse.Namespace, *, quiet: bool = False) -> list[Incident]:
    """Give the incidents of the alarm or event that was named; none where none was."""
    found: dict[tuple[str, str, str], tuple[AlarmSubject, str]] = {}
    for alarm, region, way in _alarms(chosen):
        for case in cases_of(alarm, way, chosen.table, chosen.function):
            found.setdefault((region, case.table, case.function), (case, region))
    incidents: list[Incident] = []
    for region in dict.fromkeys(region for _, region in found.values()):
        cases = [case for case, where in found.values() if where == region]
        incidents += incidents_of(cases, region, chosen.profile, chosen.assume_role_arn)
        for case, incident in zip(cases, incidents[-len(cases) :], strict=True):
            if not quiet:
                print_note(_case_in_words(case, incident))
    return incidents


def _case_in_words(case: AlarmSubject, incident: Incident) -> str:
    alarm = case.alarm
    since = f"went off at {instant.iso(alarm.since)}" if alarm.since else "went off at no known time"
    return (
        f"{incident.incident_id}: table {case.table}, function {case.function}. {case.known} Alarm `{alarm.name}`"
        f" {since} and is {alarm.state or 'in no known state'}."
    )


def _alarms(chosen: argparse.Namespace) -> Iterator[tuple[Alarm, str, Door]]:
    """Give every alarm that was named, its region, and the way to AWS there."""
    if chosen.alarm and chosen.event:
        raise BadParameters("Both --alarm and --event are given.", "Give one of them.")
    if chosen.alarm:
        region = chosen.region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        if not region:
            raise BadParameters("An alarm's name alone does not say where it is.", "Give --region.")
        way = door(region, chosen.profile, chosen.assume_role_arn, None)
        yield describe(chosen.alarm, way()), region, way
    for alarm in read_event(_content(chosen.event)) if chosen.event else ():
        if alarm.state in _QUIET:
            raise NothingToInvestigate(
                f"The event says that alarm `{alarm.name}` went to {alarm.state}.",
                "Give --alarm instead, to look at the last time it went off.",
            )
        region = _region(alarm, chosen.region)
        yield alarm, region, door(region, chosen.profile, chosen.assume_role_arn, alarm.account)


def _region(alarm: Alarm, given: str | None) -> str:
    if given and alarm.region and given != alarm.region:
        raise BadParameters(
            f"Alarm `{alarm.name}` is in {alarm.region}, --region says {given}.", "Leave --region out, or correct it."
        )
    region = given or alarm.region
    if not region:
        raise BadParameters(f"The event does not say in which region alarm `{alarm.name}` is.", "Give --region.")
    return region


def _content(name: str) -> str:
    """Read an event from a file, or from stdin for `-`; no more of it than an event may have."""
    try:
        if name == "-":
            content = sys.stdin.buffer.read(LARGEST + 1)
        else:
            with open(name, "rb") as file:
                content = file.read(LARGEST + 1)
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadParameters(f"The event in {name} is not UTF-8 text.", "Give it as it was delivered.") from None
    except OSError as failure:
        raise BadParameters(f"The event in {name} cannot be read: {failure.strerror}.", "Check its path.") from None


def _text(incident: Incident) -> str:
    return yaml.safe_dump(incident.parameters(), sort_keys=False)


def _write(incident: Incident, path: Path) -> None:
    """Write a parameter file and read it back before it has its name. One that is there and differs is left alone."""
    beside = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(_text(incident), encoding="utf-8")
        if Incident.from_file(beside) != incident:
            raise AssertionError(f"{path} does not read as it was written")
        if path.exists() and path.read_bytes() != beside.read_bytes():
            raise BadParameters(f"{path} exists and says something else.", "Name another file, or remove it first.")
        beside.replace(path)
    except OSError as failure:
        raise BadParameters(f"{path} cannot be written: {failure.strerror}.", "Name another with --out.") from None
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
    print(path)
