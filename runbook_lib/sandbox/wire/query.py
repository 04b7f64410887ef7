"""The query protocol (IAM, STS, SNS): form fields into python values, answers into XML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

from botocore.model import Shape

from runbook_lib.sandbox.wire.values import CodecError, members_of, python_of, text_of


def decode_form(fields: Mapping[str, str], shape: Shape, prefix: str = "") -> Any:
    """Return the python value of the form fields under a prefix; the empty prefix stands for the whole input."""
    if shape.type_name == "structure":
        members = {}
        for name, inner in shape.members.items():
            path = _join(prefix, inner.serialization.get("name", name))
            if _any_under(fields, path):
                members[name] = decode_form(fields, inner, path)
        return members
    if shape.type_name == "list":
        return [decode_form(fields, shape.member, path) for path in _numbered(fields, _list_prefix(shape, prefix))]
    if shape.type_name == "map":
        return _decode_map(fields, shape, prefix)
    return python_of(fields[prefix], shape)


def _decode_map(fields: Mapping[str, str], shape: Shape, prefix: str) -> dict[str, Any]:
    """Return a map from its numbered pairs: `Attributes.entry.1.key`, `Attributes.entry.1.value`."""
    key, value = shape.key.serialization.get("name", "key"), shape.value.serialization.get("name", "value")
    base = prefix if shape.serialization.get("flattened") else f"{prefix}.entry"
    return {
        fields[f"{path}.{key}"]: decode_form(fields, shape.value, f"{path}.{value}") for path in _numbered(fields, base)
    }


def _list_prefix(shape: Shape, prefix: str) -> str:
    """Return the prefix of a list's numbers; a flattened list goes by its member's name when that has one."""
    if not shape.serialization.get("flattened"):
        return f"{prefix}.{shape.member.serialization.get('name', 'member')}"
    name = shape.member.serialization.get("name")
    return _join(prefix.rpartition(".")[0], name) if name else prefix


def _join(prefix: str, name: str) -> str:
    """Return a dotted path."""
    return f"{prefix}.{name}" if prefix else name


def _any_under(fields: Mapping[str, str], path: str) -> bool:
    """Tell whether a field of this path, or of anything inside it, was sent."""
    return any(name == path or name.startswith(f"{path}.") for name in fields)


def _numbered(fields: Mapping[str, str], base: str) -> list[str]:
    """Return `base.1`, `base.2` ... as far as they were sent, in numeric order."""
    pattern = re.compile(re.escape(base) + r"\.(\d+)(?:\.|$)")
    numbers = sorted({int(match[1]) for match in map(pattern.match, fields) if match})
    return [f"{base}.{number}" for number in numbers]


def xml_of(value: Any, shape: Shape, tag: str, where: str = "answer") -> str:
    """Return a python value as an XML element. Raises `CodecError` for what the model does not have."""
    if shape.type_name == "structure":
        inner = "".join(
            xml_of(item, member, member.serialization.get("name", name), f"{where}.{name}")
            for name, item, member in members_of(value, shape, where)
        )
        return f"<{tag}>{inner}</{tag}>"
    if shape.type_name == "list":
        return _xml_of_list(value, shape, tag, where)
    if shape.type_name == "map":
        return _xml_of_map(value, shape, tag, where)
    try:
        text = text_of(value, shape, "iso8601")
    except (TypeError, ValueError) as error:
        raise CodecError(f"{where}: {error}") from error
    return f"<{tag}>{xml_text(text)}</{tag}>"


def xml_text(text: str) -> str:
    """Return text escaped for XML, keeping carriage returns, which a parser would turn into line feeds."""
    return escape(text, {"\r": "&#13;"})


def _xml_of_list(value: Any, shape: Shape, tag: str, where: str) -> str:
    """Return a list: items inside one element, or bare repeated elements when the list is flattened."""
    flat = shape.serialization.get("flattened")
    item_tag = shape.member.serialization.get("name", tag if flat else "member")
    items = "".join(xml_of(item, shape.member, item_tag, f"{where}[{index}]") for index, item in enumerate(value))
    return items if flat else f"<{tag}>{items}</{tag}>"


def _xml_of_map(value: Any, shape: Shape, tag: str, where: str) -> str:
    """Return a map as `entry` elements of a key and a value."""
    flat = shape.serialization.get("flattened")
    pair = tag if flat else "entry"
    key_tag, value_tag = shape.key.serialization.get("name", "key"), shape.value.serialization.get("name", "value")
    pairs = "".join(
        f"<{pair}>{xml_of(key, shape.key, key_tag)}{xml_of(item, shape.value, value_tag, f'{where}[{key!r}]')}</{pair}>"
        for key, item in value.items()
    )
    return pairs if flat else f"<{tag}>{pairs}</{tag}>"
