"""CBOR (RFC 8949) as far as AWS uses it: maps, lists, text, bytes, numbers, booleans, null and epoch timestamps.

Reading is botocore's own parser; writing is here, because botocore writes requests only.
"""

from __future__ import annotations

import struct
from datetime import datetime
from typing import Any

from botocore.parsers import ResponseParserError, RpcV2CBORParser

_UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _LIST, _MAP, _TAG = range(7)
_FALSE, _TRUE, _NULL, _DOUBLE = b"\xf4", b"\xf5", b"\xf6", b"\xfb"
_EPOCH_TAG = 1


def loads(body: bytes) -> Any:
    """Return the value of one CBOR item; tagged timestamps become aware datetimes. An empty body is an empty map.

    Raises `ValueError` for bytes that are no CBOR.
    """
    if not body:
        return {}
    parser = RpcV2CBORParser()
    try:
        return parser.parse_data_item(parser.get_peekable_stream_from_bytes(body))
    except ResponseParserError as error:
        raise ValueError(str(error)) from error


def dumps(value: Any) -> bytes:
    """Return a value as CBOR. Raises `TypeError` for a type AWS has no form for."""
    if value is None:
        return _NULL
    if isinstance(value, bool):
        return _TRUE if value else _FALSE
    if isinstance(value, int):
        return _head(_UNSIGNED, value) if value >= 0 else _head(_NEGATIVE, -1 - value)
    if isinstance(value, float):
        return _DOUBLE + struct.pack(">d", value)
    if isinstance(value, str):
        text = value.encode("utf-8")
        return _head(_TEXT, len(text)) + text
    if isinstance(value, bytes):
        return _head(_BYTES, len(value)) + value
    if isinstance(value, datetime):
        return _head(_TAG, _EPOCH_TAG) + dumps(value.timestamp())
    if isinstance(value, list | tuple):
        return _head(_LIST, len(value)) + b"".join(map(dumps, value))
    if isinstance(value, dict):
        return _head(_MAP, len(value)) + b"".join(dumps(key) + dumps(item) for key, item in value.items())
    raise TypeError(f"no CBOR form for {type(value).__name__}")


def _head(major: int, argument: int) -> bytes:
    """Return an item's head: its major type and its argument in the shortest of the five widths."""
    if argument < 24:
        return bytes([major << 5 | argument])
    for code, width in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if argument < 1 << 8 * width:
            return bytes([major << 5 | code]) + argument.to_bytes(width, "big")
    raise TypeError(f"no CBOR form for an integer of {argument.bit_length()} bits")
