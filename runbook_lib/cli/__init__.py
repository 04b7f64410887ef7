"""`runbook`: the command line.

Progress and errors go to stderr; stdout holds the answer, and with `--json` exactly one JSON document.
Nothing here decides: it reads arguments, starts what is asked for, and prints.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from runbook_lib._version import __version__
from runbook_lib.cli import sweep
from runbook_lib.cli.terminal import (
    print_arrival,
    print_defect,
    print_diagnosis,
    print_early,
    print_error,
    print_fault_list,
    print_finding,
    print_findings,
    print_missing,
    print_progress,
    print_recovery,
)
from runbook_lib.errors import COULD_NOT_RUN, RunbookError, gravest

_HELD_BY_OTHERS = ("multiprocessing.synchronize", "distributed")
"""Once imported, other processes wait to be told of our end."""


def run() -> NoReturn:
    """Run the command line of this process and end it; what the operating system frees anyway is not taken apart."""
    code = main()
    if any(name in sys.modules for name in _HELD_BY_OTHERS):
        sys.exit(code)
    with suppress(BrokenPipeError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 no fault, 1 a cause, 2 undetermined, 3 could not run."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    try:
        return int(chosen.run(chosen))
    except RunbookError as trouble:
        print_error(trouble)
        return COULD_NOT_RUN
    except KeyboardInterrupt:
        print("Interrupted; what was collected stays in the run folder.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return COULD_NOT_RUN
    except Exception as defect:  # python would end with 1, which means a cause, and print whatever the words hold
        print_defect(defect)
        return COULD_NOT_RUN


def _parser() -> argparse.ArgumentParser:
    parser = _ArgumentParser(
        prog="runbook", description="Find out why a DynamoDB stream does not trigger its Lambda function."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    command = commands.add_parser("investigate", help="investigate incidents on AWS and write a report for each")
    command.add_argument("params", nargs="*", type=Path, metavar="PARAMS", help="parameter files (YAML)")
    _from_alarm(command)
    command.add_argument("--archive", metavar="DIR", help="where run folders go (default: the parameter), or s3://...")
    command.add_argument("--timeout", type=float, default=300, metavar="S", help="ask AWS no longer than this (300)")
    command.add_argument("--peek", action="store_true", help="sample a few stream records (takes a reader slot)")
    command.add_argument("--workers", type=_count, metavar="N", help="incidents at the same time (one a processor)")
    command.add_argument(
        "--resume", action="store_true", help="take the finished run of the same parameters if there is one"
    )
    command.add_argument("--cluster", metavar="ADDRESS", help="run on the workers of this Dask scheduler (tcp://...)")
    _common(command)
    command.set_defaults(run=_investigate)

    again = commands.add_parser("replay", help="judge and render a recorded run again, without AWS")
    again.add_argument("folder", type=Path, metavar="RUN_FOLDER")
    _common(again)
    again.set_defaults(run=_replay)

    every = commands.add_parser("sweep", help="triage every DynamoDB stream trigger of regions and accounts")
    sweep.add_arguments(every)
    every.set_defaults(run=sweep.sweep)

    way = commands.add_parser("params", help="write parameter files from a CloudWatch alarm or its event")
    _from_alarm(way)
    way.add_argument("--out", metavar="FILE", help="a file, or a folder for one file per trigger (default: stdout)")
    way.set_defaults(run=_params)

    check = commands.add_parser("verify", help="check a run folder against its checksums")
    check.add_argument("folder", type=Path, metavar="RUN_FOLDER")
    check.set_defaults(run=_verify)

    copy = commands.add_parser("publish", help="copy a finished run folder to S3, and write over nothing there")
    copy.add_argument("folder", type=Path, metavar="RUN_FOLDER")
    copy.add_argument("address", metavar="s3://BUCKET/PREFIX")
    copy.add_argument("--profile", metavar="P", help="a profile of your AWS configuration that may write there")
    copy.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    copy.set_defaults(run=_publish)

    repair = commands.add_parser("compare", help="compare a run before a repair with one after it")
    repair.add_argument("before", type=Path, metavar="BEFORE")
    repair.add_argument("after", type=Path, metavar="AFTER")
    repair.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    repair.set_defaults(run=_compare)

    lab = commands.add_parser("sandbox", help="serve the embedded AWS with a fault until stopped")
    lab.add_argument("fault", nargs="?", default="healthy", metavar="FAULT")
    lab.add_argument("--port", type=int, default=0, metavar="N")
    lab.set_defaults(run=_sandbox)

    faults = commands.add_parser("faults", help="list the sandbox's faults")
    faults.add_argument("--json", action="store_true")
    faults.set_defaults(run=_faults)

    findings = commands.add_parser("findings", help="list the findings, or explain one")
    findings.add_argument("id", nargs="?", metavar="ID")
    findings.add_argument("--json", action="store_true")
    findings.set_defaults(run=_findings)

    policy = commands.add_parser("policy", help="print the least-privilege IAM policy that an investigation needs")
    policy.add_argument("--with-alarms", action="store_true", help="and what the way from an alarm needs")
    policy.set_defaults(run=_policy)

    demo = commands.add_parser("demo", help="start the sandbox with a fault, investigate it, stop it")
    demo.add_argument("fault", nargs="?", default="stream-recreated", metavar="FAULT")
    demo.add_argument("--archive", type=Path, metavar="DIR")
    demo.set_defaults(run=_demo)
    return parser


class _ArgumentParser(argparse.ArgumentParser):
    """An argument parser whose mistakes end in our exit code, not in argparse's 2, which means undetermined."""

    def error(self, message: str) -> Any:
        """Print the usage and end with "could not run"."""
        self.print_usage(sys.stderr)
        self.exit(COULD_NOT_RUN, f"{self.prog}: {message}\n")


def _from_alarm(parser: argparse.ArgumentParser) -> None:
    alarm = parser.add_argument_group("from an alarm")
    alarm.add_argument("--event", metavar="FILE", help="the alarm's event: EventBridge, SNS, or in SQS; - reads stdin")
    alarm.add_argument("--alarm", metavar="NAME", help="the alarm's name, to be looked up in --region")
    alarm.add_argument("--region", metavar="R")
    alarm.add_argument("--profile", metavar="P", help="a profile of your AWS configuration")
    alarm.add_argument("--assume-role-arn", metavar="ARN", help="a role to assume before reading")
    alarm.add_argument("--table", metavar="NAME", help="the table that is meant, where the alarm leaves it open")
    alarm.add_argument("--function", metavar="NAME", help="the function that is meant")


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    parser.add_argument("--no-report", action="store_true", help="write evidence and verdict only")
    parser.add_argument(
        "--export",
        action="append",
        default=[],
        metavar="WHAT",
        help="write further files too: pdf (the report, by Chromium), junit, sarif; repeat it, or put commas between",
    )


def _investigate(chosen: argparse.Namespace) -> int:
    from runbook_lib.cli.params import from_alarm
    from runbook_lib.cli.publish import publish_all, work_folder
    from runbook_lib.errors import BadParameters
    from runbook_lib.incident import Incident
    from runbook_lib.running.exports import export_names

    chosen.export = export_names(chosen.export, report=not chosen.no_report)
    incidents = [Incident.from_file(path) for path in chosen.params] + from_alarm(chosen, quiet=chosen.json)
    if not incidents:
        raise BadParameters("No incident is named.", "Give parameter files, --event FILE, or --alarm NAME --region R.")
    address, chosen.archive = work_folder(chosen.archive, resume=chosen.resume)
    if len(incidents) > 1 or chosen.cluster or chosen.resume:
        documents = _several(incidents, chosen)
    else:
        documents = [_one(incidents[0], chosen)]
    if address:
        publish_all(documents, incidents, address, quiet=chosen.json)
    if chosen.json:
        print(json.dumps(documents if len(documents) > 1 else documents[0], indent=2))
    return gravest([document["exit_code"] for document in documents])


def _one(incident: Any, chosen: argparse.Namespace) -> dict[str, Any]:
    """Investigate one incident, and say its verdict before the report is made."""
    from runbook_lib.running import batch, run

    try:
        done = run.investigate(
            incident,
            archive=chosen.archive,
            report=not chosen.no_report,
            export=chosen.export,
            timeout_s=chosen.timeout,
            peek=chosen.peek,
            progress=print_progress(time.monotonic()) if _is_watched(chosen) else None,
            announce=None if chosen.json else print_diagnosis,
            early=print_early if _is_watched(chosen) else None,
        )
    except RunbookError as trouble:
        print_error(trouble)
        return batch.failed(incident, str(trouble))
    return _finished(done, chosen)


def _several(incidents: Any, chosen: argparse.Namespace) -> list[dict[str, Any]]:
    """Investigate several incidents side by side, and say each verdict when it is there."""
    from runbook_lib.running import batch

    options = batch.BatchOptions(
        chosen.archive, not chosen.no_report, tuple(chosen.export), chosen.timeout, chosen.peek
    )
    return batch.investigate_all(
        incidents,
        options,
        number=chosen.workers or os.cpu_count() or 1,
        cluster=chosen.cluster,
        resume=chosen.resume,
        arrived=None if chosen.json else print_arrival(len(incidents)),
    )


def _finished(done: Any, chosen: argparse.Namespace) -> dict[str, Any]:
    """Say where a run lies and what could not be exported; gives its verdict as it stands in the folder."""
    from runbook_lib.running.batch import document

    for sentence in done.missing:
        print_missing(sentence)
    if not chosen.json and done.report:
        print(f"Report: {done.report}")
    elif not chosen.json:
        print(f"Run folder: {done.folder}")
    return document(done)


def _count(text: str) -> int:
    """Read a whole number above zero."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of workers")
    return int(text)


def _params(chosen: argparse.Namespace) -> int:
    from runbook_lib.cli.params import write

    return write(chosen)


def _is_watched(chosen: argparse.Namespace) -> bool:
    return sys.stderr.isatty() and not chosen.json


def _replay(chosen: argparse.Namespace) -> int:
    from runbook_lib.running import run
    from runbook_lib.sweep.area import is_sweep

    if is_sweep(chosen.folder):
        return sweep.replay(chosen.folder, as_json=chosen.json)
    done = run.replay(
        chosen.folder,
        report=not chosen.no_report,
        export=tuple(chosen.export),
        announce=None if chosen.json else print_diagnosis,
    )
    document = _finished(done, chosen)
    if chosen.json:
        print(json.dumps(document, indent=2))
    return done.diagnosis.exit_code


def _verify(chosen: argparse.Namespace) -> int:
    from runbook_lib.archive.record import verify

    broken = verify(chosen.folder)
    for sentence in broken:
        print(sentence)
    if not broken:
        print(f"{chosen.folder} is whole: every file matches its checksum.")
    return 1 if broken else 0


def _publish(chosen: argparse.Namespace) -> int:
    from runbook_lib.cli.publish import publish_one

    return publish_one(chosen)


def _compare(chosen: argparse.Namespace) -> int:
    from runbook_lib.running.recovery import compare

    found = compare(chosen.before, chosen.after)
    if chosen.json:
        print(json.dumps(found.to_json(), indent=2))
    else:
        print_recovery(found)
    return found.exit_code


def _sandbox(chosen: argparse.Namespace) -> int:
    from runbook_lib.cli.sandbox import serve_until_stopped

    return serve_until_stopped(chosen.fault, chosen.port)


def _faults(chosen: argparse.Namespace) -> int:
    from runbook_lib.sandbox import all_faults

    print_fault_list(list(all_faults().values()), as_json=chosen.json)
    return 0


def _findings(chosen: argparse.Namespace) -> int:
    from runbook_lib.errors import BadParameters
    from runbook_lib.findings import FINDINGS
    from runbook_lib.incident import suggestion

    if chosen.id and chosen.id not in FINDINGS:
        raise BadParameters(f"There is no finding `{chosen.id}`.", suggestion(chosen.id, sorted(FINDINGS)))
    if chosen.id:
        print_finding(FINDINGS[chosen.id], as_json=chosen.json)
    else:
        print_findings(list(FINDINGS.values()), as_json=chosen.json)
    return 0


def _policy(chosen: argparse.Namespace) -> int:
    from runbook_lib.permissions import policy

    print(json.dumps(policy(alarms=chosen.with_alarms), indent=2))
    return 0


def _demo(chosen: argparse.Namespace) -> int:
    from runbook_lib.cli.sandbox import demo

    return demo(chosen.fault, chosen.archive)
