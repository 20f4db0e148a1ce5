"""CRC-32C, the checksum of TFRecord files, computed by numpy on many pieces of the data at once.

A checksum is linear: those of pieces combine, once each is moved past the bytes that follow it. Leading zeros change nothing.
"""
from __future__ import annotations

import functools
from typing import List

import numpy as np

_POLYNOMIAL = 0x82F63B78  # Castagnoli, bits reversed
_PIECE = 64  # bytes
_FEW = 1024  # bytes; below this a loop over bytes is faster


def crc32c(data: bytes) -> int:
    """The CRC-32C of some bytes."""
    return _of_few(data) if len(data) < _FEW else _of_many(data)


def masked_crc32c(data: bytes) -> int:
    """The checksum as it is stored, rotated and shifted, since data that hold their own checksum make a weak one."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _of_few(data: bytes) -> int:
    table, crc = _byte_list(), 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def _of_many(data: bytes) -> int:
    padding = -len(data) % _PIECE
    padded = np.zeros(padding + len(data), "uint8")
    padded[padding:] = np.frombuffer(data, "uint8")
    padded[padding:padding + 4] ^= 0xFF  # the same as to start from all ones
    words = np.ascontiguousarray(padded.view("<u2").reshape(-1, _PIECE // 2).T)
    crcs, table = np.zeros(words.shape[1], "uint32"), _word_table()
    for word in words:
        crcs = table[(crcs ^ word) & 0xFFFF] ^ crcs >> 16
    level = 0
    while len(crcs) > 1:
        if len(crcs) % 2:
            crcs = np.concatenate([np.zeros(1, "uint32"), crcs])
        crcs = _move(crcs[0::2], level) ^ crcs[1::2]
        level += 1
    return int(crcs[0]) ^ 0xFFFFFFFF


@functools.lru_cache(maxsize=None)
def _byte_list() -> List[int]:
    return _byte_table().tolist()


@functools.lru_cache(maxsize=None)
def _byte_table() -> np.ndarray:
    """The checksum of each byte."""
    crcs = np.arange(256, dtype="uint32")
    for _ in range(8):
        crcs = np.where(crcs & 1, crcs >> 1 ^ _POLYNOMIAL, crcs >> 1).astype("uint32")
    return crcs


@functools.lru_cache(maxsize=None)
def _word_table() -> np.ndarray:
    """The checksum of each pair of bytes."""
    crcs = np.arange(1 << 16, dtype="uint32")
    for _ in range(2):
        crcs = _byte_table()[crcs & 0xFF] ^ crcs >> 8
    return crcs


def _move(crcs: np.ndarray, level: int) -> np.ndarray:
    """Checksums of data that are followed by `_PIECE << level` zero bytes."""
    tables = _move_tables(level)
    return tables[0][crcs & 0xFF] ^ tables[1][crcs >> 8 & 0xFF] ^ tables[2][crcs >> 16 & 0xFF] ^ tables[3][crcs >> 24]


@functools.lru_cache(maxsize=None)
def _move_tables(level: int) -> np.ndarray:
    """What `_move` makes of each value of each of the four bytes: 4x256."""
    if level:
        return _move(_move_tables(level - 1), level - 1)
    crcs = np.arange(256, dtype="uint32") << np.arange(0, 32, 8, dtype="uint32")[:, np.newaxis]
    for _ in range(_PIECE // 2):
        crcs = _word_table()[crcs & 0xFFFF] ^ crcs >> 16
    return crcs
