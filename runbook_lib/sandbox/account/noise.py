"""Deterministic variation: the same seed and keys give the same number for ever, in any order and any process."""

import hashlib
import uuid


def _digest(seed: int, keys: tuple[object, ...]) -> bytes:
    return hashlib.blake2b("\x1f".join(map(str, (seed, *keys))).encode(), digest_size=32).digest()


def unit(seed: int, *keys: object) -> float:
    """A number in [0, 1) that belongs to these keys."""
    return int.from_bytes(_digest(seed, keys)[:7], "big") / (1 << 56)


def between(low: float, high: float, seed: int, *keys: object) -> float:
    """A number in [low, high) that belongs to these keys."""
    return low + (high - low) * unit(seed, *keys)


def hexes(count: int, seed: int, *keys: object) -> str:
    """`count` (at most 64) lower-case hexadecimal digits that belong to these keys."""
    return _digest(seed, keys).hex()[:count]


def uuid4(seed: int, *keys: object) -> str:
    """A well-formed version 4 UUID that belongs to these keys."""
    return str(uuid.UUID(bytes=_digest(seed, keys)[:16], version=4))


def letters(count: int, seed: int, *keys: object) -> str:
    """`count` (at most 32) upper-case letters and digits, the alphabet of IAM's unique ids."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    return "".join(alphabet[byte % 32] for byte in _digest(seed, keys)[:count])
