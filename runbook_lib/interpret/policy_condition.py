"""The Condition block of an IAM statement, decided against what is known of the request: met, not met or unknown.

Source: docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html and
.../reference_policies_condition-single-vs-multi-valued-context-keys.html. All operators and all keys must hold; the
values listed for one key are alternatives (none of them may match when the operator is negated).
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from ipaddress import ip_address, ip_network
from typing import Any

from runbook_lib.interpret.policy_pattern import Context, Truth, agree, all_of, any_of, matches, negate

_NAME = re.compile(r"(?:(?P<set>ForAllValues|ForAnyValue):)?(?P<base>\w+?)(?P<if_exists>IfExists)?", re.IGNORECASE)
_ARN_COLON = re.compile(r":(?![^{]*\})")
_EPOCH = re.compile(r"\d{9,}(\.\d+)?")

_ORIGIN_KEYS = frozenset({"aws:sourceip", "aws:vpcsourceip", "aws:sourcevpc", "aws:sourcevpce"})
"""Where a call comes from. When AWS calls on its own side these are absent, or name something of AWS's own."""
_ELSEWHERE = "240.0.0.1"
"""An origin no policy lists: an address reserved for ever, and no VPC or endpoint id."""

Compare = Callable[[str, str, Context | None], Truth]
"""The policy's value, the request's value, and what fills the variables in (None: nothing does)."""


@dataclass(frozen=True)
class ConditionResult:
    """Whether one key's test in a Condition block is met; `test` reads as it stands there: `StringEquals aws:...`."""

    key: str
    test: str
    met: Truth


def outcomes(
    condition: Mapping[str, Mapping[str, Any]], context: Context, *, variables: bool
) -> tuple[ConditionResult, ...]:
    """Test every key of a Condition block; empty for an empty block, which is always met.

    `context` has lower-case keys; a value of None means the request is known not to carry the key, a missing entry
    that nothing is known, which leaves the test unknown. An operator AWS does not document leaves it unknown too.
    """
    return tuple(
        ConditionResult(key, f"{name} {key}", _met(name, key.lower(), _texts(values), context, variables))
        for name, tests in condition.items()
        for key, values in tests.items()
    )


def _met(name: str, key: str, patterns: Sequence[str], context: Context, variables: bool) -> Truth:
    """Whether one operator holds for one key of the request."""
    found = _NAME.fullmatch(name)
    if not found or key not in context:
        return None
    base, set_operator = found["base"].lower(), (found["set"] or "").lower()
    given = context[key]
    values = [given] if isinstance(given, str) else list(given or ())
    if base == "null":
        absent = None if key in _ORIGIN_KEYS and not values else not values
        return any_of(negate(absent) if pattern.lower() == "false" else absent for pattern in patterns)
    if base not in _OPERATORS:
        return None
    negated, compare = _OPERATORS[base]

    def holds(present: Sequence[str]) -> Truth:
        """Whether the operator holds for values the request does carry."""
        fits = [
            any_of(compare(pattern, value, context if variables else None) for pattern in patterns) for value in present
        ]
        verdicts = [negate(fit) if negated else fit for fit in fits]
        return all_of(verdicts) if set_operator == "forallvalues" else any_of(verdicts)

    if values:
        return holds(values)
    without = _without_key(set_operator, negated, bool(found["if_exists"]))
    return agree(without, holds([_ELSEWHERE])) if key in _ORIGIN_KEYS else without


def _without_key(set_operator: str, negated: bool, if_exists: bool) -> Truth:
    """What a test is worth when the request carries no such key.

    IfExists, negated operators and ForAllValues are then met; ForAnyValue is not, and with IfExists AWS's own pages
    leave it open.
    """
    if set_operator == "foranyvalue":
        return None if if_exists else False
    return if_exists or negated or set_operator == "forallvalues"


def _texts(values: Any) -> tuple[str, ...]:
    """A condition's value or values as text, as IAM reads them: `true` for the JSON boolean."""
    listed = values if isinstance(values, list | tuple) else [values]
    return tuple(str(value).lower() if isinstance(value, bool) else str(value) for value in listed)


def _equal(pattern: str, value: str, variables: Context | None) -> Truth:
    """Text equality, case-sensitive."""
    return matches(pattern, value, variables, wildcards=False)


def _equal_ignoring_case(pattern: str, value: str, variables: Context | None) -> Truth:
    """Text equality in any case."""
    return matches(pattern, value, variables, wildcards=False, any_case=True)


def _arn(pattern: str, value: str, variables: Context | None) -> Truth:
    """Each of the six parts of the ARN fits its own pattern; wildcards do not reach across the first five colons."""
    if pattern == "*":
        return True
    wanted, given = _ARN_COLON.split(pattern, 5), value.split(":", 5)
    if len(wanted) != 6 or len(given) != 6:
        return False
    return all_of(matches(part, actual, variables) for part, actual in zip(wanted, given, strict=True))


def _address(pattern: str, value: str, _: Context | None) -> Truth:
    """The address lies in the range; a bare address is a range of one."""
    try:
        return ip_address(value) in ip_network(pattern, strict=False)
    except ValueError:
        return None


def _ordered(read: Callable[[str], Any], holds: Callable[[Any, Any], Any]) -> Compare:
    """A comparison of numbers or dates, the request's value on the left; unknown where either cannot be read."""

    def compare(pattern: str, value: str, _: Context | None) -> Truth:
        """Compare two readable values."""
        try:
            return bool(holds(read(value), read(pattern)))
        except (ValueError, ArithmeticError, OSError):
            return None

    return compare


def _date(text: str) -> datetime:
    """ISO 8601, or seconds since the epoch; without an offset, UTC."""
    if _EPOCH.fullmatch(text):
        return datetime.fromtimestamp(float(text), UTC)
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


_ORDERINGS = {
    "equals": operator.eq,
    "lessthan": operator.lt,
    "lessthanequals": operator.le,
    "greaterthan": operator.gt,
    "greaterthanequals": operator.ge,
}

_OPERATORS: Mapping[str, tuple[bool, Compare]] = {
    "stringequals": (False, _equal),
    "stringnotequals": (True, _equal),
    "stringequalsignorecase": (False, _equal_ignoring_case),
    "stringnotequalsignorecase": (True, _equal_ignoring_case),
    "stringlike": (False, matches),
    "stringnotlike": (True, matches),
    "arnequals": (False, _arn),
    "arnlike": (False, _arn),
    "arnnotequals": (True, _arn),
    "arnnotlike": (True, _arn),
    "bool": (False, _equal_ignoring_case),
    "binaryequals": (False, _equal),
    "ipaddress": (False, _address),
    "notipaddress": (True, _address),
    "numericnotequals": (True, _ordered(Decimal, operator.eq)),
    "datenotequals": (True, _ordered(_date, operator.eq)),
    **{f"numeric{name}": (False, _ordered(Decimal, holds)) for name, holds in _ORDERINGS.items()},
    **{f"date{name}": (False, _ordered(_date, holds)) for name, holds in _ORDERINGS.items()},
}
"""Each operator's name in lower case: whether it is negated, and how it compares."""
