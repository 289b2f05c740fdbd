"""All randomness comes from one seed, and is the same on every backend and machine.

Two generators, both defined by published algorithms that any language can repeat:

- `stream`: the Mersenne Twister (Matsumoto and Nishimura, 1998) of Python's `random` and of NumPy's `RandomState`.
  It serves what is drawn once, in order: initial parameters, the order of examples, splits.
- `uniforms`: SplitMix64 (Steele, Lea and Flood, 2014), read at a counter. Element *i* needs no element before it, so
  a vector register or a GPU thread draws its own. It serves what is drawn at every step: dropout masks.
"""

from __future__ import annotations

import hashlib
import random

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15


def key(seed: int, *purpose: str | int) -> int:
    """Return a 64-bit key, its highest bit set, that belongs to `seed` and `purpose` alone.

    Equal seeds with different purposes, written with ``/`` between (``0/order/3``), give unrelated keys. The top bit
    is set so that the key always fills two 32-bit words, low word first: then ``random.Random(key)`` and
    ``numpy.random.RandomState([low, high])`` are the same generator.
    """
    text = "/".join(str(part) for part in (seed, *purpose))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") | 1 << 63


def stream(seed: int, *purpose: str | int) -> random.Random:
    """Return the Mersenne Twister that belongs to `seed` and `purpose`."""
    return random.Random(key(seed, *purpose))


def permutation(count: int, seed: int, *purpose: str | int) -> list[int]:
    """Return 0 to `count` - 1 in random order: the order that sorts `count` uniform numbers, ties by index."""
    generator = stream(seed, *purpose)
    numbers = [generator.random() for _ in range(count)]
    return sorted(range(count), key=numbers.__getitem__)


def uniforms(count: int, key: int) -> list[float]:
    """Return `count` numbers in [0, 1), multiples of 2**-24 (exact in float32): SplitMix64 from state `key`."""
    return [(_splitmix64(key + (index + 1) * _GOLDEN & _MASK) >> 40) * 2.0**-24 for index in range(count)]


def _splitmix64(state: int) -> int:
    """Return the output of SplitMix64 for one 64-bit state (mix13 of Stafford's variants)."""
    state = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 & _MASK
    state = (state ^ state >> 27) * 0x94D049BB133111EB & _MASK
    return state ^ state >> 31
