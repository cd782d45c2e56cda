"""Random-access noise: the same seed, lane and index always give the same number, in any order.

Imported by the exchange's markets only.

A sequential generator would make the market depend on how often it was asked; this one lets candles of last week be
computed when somebody asks for them, and lets two runs with one seed agree although their timers did not.
"""

from __future__ import annotations

import functools
import math
import zlib

_MASK = (1 << 64) - 1


def seed_of(seed: int, name: str) -> int:
    """A 64-bit seed for one named stream under the operator's seed; different names give unrelated streams."""
    return mixed((seed & _MASK) ^ (zlib.crc32(name.encode()) << 32) ^ len(name))


def mixed(value: int) -> int:
    """The finalizer of SplitMix64 (Steele, Lea, Flood 2014): a bijection on 64 bits whose output bits all depend on
    all input bits.
    """
    value = (value + 0x9E3779B97F4A7C15) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)


def unit(seed: int, lane: int, index: int) -> float:
    """A number in [0, 1) for this seed, lane and (possibly negative) index."""
    return mixed(seed ^ mixed((lane << 56) ^ (index & ((1 << 56) - 1)))) / 2**64


@functools.lru_cache(maxsize=16_384)  # neighbouring moments ask for the same few values
def signed(seed: int, lane: int, index: int) -> float:
    """A number in [-1, 1)."""
    return 2.0 * unit(seed, lane, index) - 1.0


def smooth(seed: int, lane: int, position: float) -> float:
    """Value noise in (-1, 1): random values at the integers, joined by half cosines, so it has no jumps and no kinks."""
    cell = math.floor(position)
    left, right = signed(seed, lane, cell), signed(seed, lane, cell + 1)
    return left + (right - left) * _eased(position - cell)


def wave(seed: int, lane: int, position: float) -> float:
    """A swing between alternating peaks and troughs of random height (0.6 to 1), one turning point per unit of
    position.
    """
    cell = math.floor(position)
    left, right = _turning_point(seed, lane, cell), _turning_point(seed, lane, cell + 1)
    return left + (right - left) * _eased(position - cell)


def _turning_point(seed: int, lane: int, cell: int) -> float:
    height = 0.6 + 0.4 * unit(seed, lane, cell)
    return height if cell % 2 == 0 else -height


def _eased(fraction: float) -> float:
    return 0.5 - 0.5 * math.cos(math.pi * fraction)
