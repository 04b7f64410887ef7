"""What speaks for a finding and what refutes it, read from its own code so that the reference cannot drift from it.

A sentence is given as it stands there, with `<name>` where the evidence fills something in.
"""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from types import FunctionType
from typing import Any

from runbook_lib.findings import Finding, Weight

_WEIGHTS = {weight.value: weight for weight in Weight}
_MADE_BY = {"clock": "time", "span": "duration", "len": "number", "sum": "number", "join": "names", "sorted": "names"}
"""What a call within a sentence gives, by the function's name."""


@dataclass(frozen=True)
class PossibleSign:
    """One sentence that a finding can say, and what it does to the verdict."""

    weight: Weight
    sentence: str


def possible_signs(finding: Finding) -> tuple[PossibleSign, ...]:
    """Give every sentence that a finding's code can say, in its order; those that the evidence words are left out.

    Empty only for a finding whose sentences all come from the evidence itself.
    """
    found = dict.fromkeys(_possible_signs(finding.recognise, frozenset()))
    return tuple(sign for sign in found if not _is_bare(sign.sentence))


@dataclass(frozen=True)
class Reasons:
    """What makes a finding known, the weightiest first, and what refutes it, as sentences. Neither is ever empty."""

    known_by: tuple[str, ...]
    refuted_by: tuple[str, ...]


_LABELS = {Weight.DECISIVE: "Decisive", Weight.SIGN: "A sign", Weight.COUNTER: "A count that fits"}


def explain(finding: Finding) -> Reasons:
    """Say how a finding is known and what would refute it."""
    found = possible_signs(finding)
    known = [
        f"{label}: {sign.sentence.strip()}"
        for weight, label in _LABELS.items()
        for sign in found
        if sign.weight is weight
    ]
    refuted = [sign.sentence.strip() for sign in found if sign.weight is Weight.AGAINST]
    if finding.stops is not None:
        stage = finding.stops.value.replace("_", " ")
        known.append(f"A count that fits: the table is written to, and nothing gets past the stage *{stage}*.")
        refuted.append("What is written is delivered all the same.")
    return Reasons(tuple(known) or (_OWN_WORDS,), tuple(refuted) or (_OWN_WORDS,))


_OWN_WORDS = "The evidence says it in its own words, which the verdict quotes."


def _is_bare(sentence: str) -> bool:
    return not any(letters.isalpha() for letters in _outside_names(sentence))


def _outside_names(sentence: str) -> Iterator[str]:
    depth = 0
    for letter in sentence:
        depth += (letter == "<") - (letter == ">")
        if not depth and letter != ">":
            yield letter


def _possible_signs(function: Callable[..., Any], seen: frozenset[str]) -> Iterator[PossibleSign]:
    """Walk a function and the helpers that it calls, each once."""
    if not isinstance(function, FunctionType) or not function.__module__.startswith("runbook_lib.findings"):
        return
    if function.__qualname__ in seen or function.__module__ == "runbook_lib.findings":
        return
    tree = _tree(function)
    names = _assigned(tree)
    module = vars(sys.modules[function.__module__])
    handed_on = {node.value for node in ast.walk(tree) if isinstance(node, ast.YieldFrom)}
    for call in _calls(tree):
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        if name in _WEIGHTS and call.args:
            yield PossibleSign(_WEIGHTS[name], _text(call.args[0], names, module))
        elif name in module and call in handed_on:
            yield from _possible_signs(module[name], seen | {function.__qualname__})


@cache
def _tree(function: FunctionType) -> ast.AST:
    return ast.parse(textwrap.dedent(inspect.getsource(function)))


def _calls(tree: ast.AST) -> list[ast.Call]:
    """Every call of a function but those of its decorators, in the order of the text."""
    body = [statement for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) for statement in node.body]
    found = {node for statement in body for node in ast.walk(statement) if isinstance(node, ast.Call)}
    return sorted(found, key=lambda node: (node.lineno, node.col_offset))


def _assigned(tree: ast.AST) -> dict[str, ast.expr]:
    """Give what a name stands for where it is assigned once; what a loop puts there differs from turn to turn."""
    found: dict[str, ast.expr] = {}
    loops = {
        name.id
        for node in ast.walk(tree)
        if isinstance(node, ast.For)
        for name in ast.walk(node.target)
        if isinstance(name, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found.setdefault(node.targets[0].id, node.value)
    return {name: value for name, value in found.items() if name not in loops}


_ABOUT_NUMBERS = {"amount": "<number> {1}", "begun": "{0}", "were": "were"}
"""How a sentence reads where a function of `runbook_lib.interpret.amount` stands, of several."""


def _text(node: ast.expr, names: dict[str, ast.expr], module: dict[str, Any]) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part, names, module) for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _text(node.left, names, module) + _text(node.right, names, module)
    if isinstance(node, ast.IfExp):
        return _text(node.body, names, module)
    if isinstance(node, ast.FormattedValue):
        return "<number>" if node.format_spec is not None else _text(node.value, names, module)
    if isinstance(node, ast.Name) and _is_text(names.get(node.id)):
        return _text(names[node.id], {name: at for name, at in names.items() if name != node.id}, module)
    if isinstance(node, ast.Name) and isinstance(module.get(node.id), str):
        return str(module[node.id])
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _ABOUT_NUMBERS:
        return _ABOUT_NUMBERS[node.func.id].format(*(_text(part, names, module) for part in node.args))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and (words := _worded(module.get(node.func.id))):
        return words
    return f"<{_name(node)}>"


def _worded(helper: Any) -> str:
    """Give the sentence that a helper of the findings returns; nothing where it returns none."""
    if not isinstance(helper, FunctionType) or not helper.__module__.startswith("runbook_lib.findings."):
        return ""
    tree = _tree(helper)
    returned = [node.value for node in ast.walk(tree) if isinstance(node, ast.Return) and _is_text(node.value)]
    names = {name: value for name, value in _assigned(tree).items() if not isinstance(value, ast.IfExp)}
    return _text(returned[0], names, vars(sys.modules[helper.__module__])) if returned and returned[0] else ""


def _is_text(node: ast.expr | None) -> bool:
    return (
        isinstance(node, ast.JoinedStr)
        or (isinstance(node, ast.Constant) and isinstance(node.value, str))
        or (isinstance(node, ast.IfExp) and _is_text(node.body))
        or (isinstance(node, ast.BinOp) and _is_text(node.left))
    )


def _name(node: ast.expr) -> str:
    """Name what fills a gap in a sentence."""
    if isinstance(node, ast.Attribute):
        return node.attr.replace("_", " ")
    if isinstance(node, ast.Name):
        return node.id.replace("_", " ")
    if isinstance(node, ast.Call):
        named = _name(node.func)
        return _MADE_BY.get(named, named)
    if isinstance(node, ast.Subscript):
        return _name(node.value)
    if isinstance(node, ast.BoolOp):
        return _name(node.values[0])
    return "value"
