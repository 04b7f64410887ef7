"""Does what the parameters name exist at all? A typing error must not come out as a diagnosis."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from runbook_lib.errors import NothingToInvestigate
from runbook_lib.evidence import Evidence
from runbook_lib.observed import otherwise


def check_names(seen: Evidence) -> None:
    """Refuse names that stand for nothing. Raises NothingToInvestigate.

    A table or function that a mapping or the trail still speaks of was deleted, which is a fault. One that nothing
    speaks of is a typing error, or the wrong region or account. What could not be seen is given the benefit of doubt.
    """
    account = otherwise(lambda: seen.health.identity.account, "unknown")
    where = f"in {seen.incident.region} of account {account}"
    table, function = seen.incident.table_name, seen.incident.function.name
    if otherwise(lambda: bool(seen.mappings.ours), True):
        return
    spoken_of = set(_names(event.request for event in otherwise(lambda: seen.changes.visible(), ())))
    if table not in spoken_of and not otherwise(lambda: seen.health.table.exists, True):
        near = otherwise(lambda: seen.health.similar_tables, ())
        raise NothingToInvestigate(f"There is no table `{table}` {where}.", _remedy("table_name", near))
    if function not in spoken_of and not otherwise(lambda: seen.mappings.function.exists, True):
        near = otherwise(lambda: seen.mappings.similar_functions, ())
        raise NothingToInvestigate(f"There is no function `{function}` {where}.", _remedy("function_name", near))


def _remedy(key: str, near: tuple[str, ...]) -> str:
    meant = f"Did you mean `{near[0]}`? " if near else ""
    return f"{meant}Correct `{key}`, `region` or the profile in the parameters."


def _names(values: Iterable[object]) -> Iterator[str]:
    """Give every text inside these values, and the last part of what may be an ARN."""
    for value in values:
        if isinstance(value, str):
            yield value
            yield value.rsplit(":", 1)[-1].rsplit("/", 1)[-1]
        elif isinstance(value, Mapping):
            yield from _names(value.values())
        elif isinstance(value, list):
            yield from _names(value)
