"""CRC-32C (Castagnoli), the checksum of TensorFlow's files.

A step over a word is linear over the two-element field: state -> A(state ^ word), where A shifts
zeros through the register. So the state after words w1 ... wn is the sum of A^(n+1-k) wk, added up
in pairs, all at once in numpy.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

_POLYNOMIAL = np.uint32(0x82F63B78)
_CHUNK = 1 << 18  # words at a time; bounds the memory

_Words = NDArray[np.uint32]


def crc32c(data: bytes) -> int:
    """The checksum of these bytes."""
    state = 0xFFFFFFFF
    words = np.frombuffer(data, "<u4", len(data) // 4).astype(np.uint32)
    for start in range(0, len(words), _CHUNK):
        state = _after(words[start : start + _CHUNK], state)
    for byte in data[4 * len(words) :]:
        state = state >> 8 ^ int(_zero_byte()[(state ^ byte) & 255])
    return state ^ 0xFFFFFFFF


def masked(checksum: int) -> int:
    """A checksum as TensorFlow stores it: rotated and shifted by a constant."""
    return ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _after(words: _Words, state: int) -> int:
    """The state after these words; the first is overwritten."""
    words[0] ^= np.uint32(state)
    shift = _zero_word()
    while len(words) > 1:
        if len(words) % 2:
            words = np.concatenate([np.zeros(1, np.uint32), words])
        words = _apply(shift, words[0::2]) ^ words[1::2]
        shift = _apply(shift, shift)
    return int(_apply(_zero_word(), words)[0])


def _apply(shift: _Words, states: _Words) -> _Words:
    """A linear map, given as its values at each byte of a word, at these states."""
    result: _Words = shift[0][states & 255]
    for place in (1, 2, 3):
        result ^= shift[place][(states >> (8 * place)) & 255]
    return result


@cache
def _zero_byte() -> _Words:
    """What the low byte of the register becomes when a zero byte goes through."""
    table: _Words = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ _POLYNOMIAL, table >> 1).astype(np.uint32)
    return table


@cache
def _zero_word() -> _Words:
    """The map of four zero bytes."""
    states = np.arange(256, dtype=np.uint32) << (8 * np.arange(4, dtype=np.uint32)[:, None])
    for _ in range(4):
        states = (states >> 8) ^ _zero_byte()[states & 255]
    return states
