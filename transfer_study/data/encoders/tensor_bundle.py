"""Reading a TensorFlow checkpoint (a tensor bundle) without TensorFlow, every byte checked.

`PREFIX.index` is a sorted table in LevelDB's format: blocks of entries with shared key prefixes,
each block with its CRC-32C, and a footer that says where the block of blocks is. Its values are
protocol buffers: under the empty key the header, under a variable's name its type, shape and place
in one of the data files `PREFIX.data-00000-of-00001`, with the checksum of its bytes.
Sources: tensorflow/core/lib/io/format.h, core/protobuf/tensor_bundle.proto.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from transfer_study.data.encoders.crc32c import crc32c, masked
from transfer_study.errors import EncoderError
from transfer_study.files import read_regular

_FOOTER = 48  # two block handles, padded, and the magic number
_MAGIC = 0xDB4775248B80FB57
_TRAILER = 5  # of a block: its compression and its checksum
_BUNDLE_VERSION = 1  # the newest of the format, since 2016
_DTYPES = {
    1: "float32",
    2: "float64",
    3: "int32",
    4: "uint8",
    6: "int8",
    7: "string",
    9: "int64",
    10: "bool",
    14: "bfloat16",
    19: "float16",
}


@dataclass(frozen=True)
class TensorEntry:
    """What the index says of a variable: its type and shape, and where its bytes are."""

    dtype: str
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    checksum: int
    partitioned: bool


class TensorBundle:
    """The variables of a checkpoint by name; raises EncoderError where its files are damaged."""

    def __init__(self, prefix: Path) -> None:
        self.prefix = prefix
        self.index = prefix.with_name(f"{prefix.name}.index")
        try:
            values = dict(_table(read_regular(self.index, 1 << 30)))
            self.shards = _shards(values.pop(b"", b""))
            self.entries = {
                name.decode(errors="backslashreplace"): _entry(value)
                for name, value in values.items()
            }
        except OSError as error:
            raise EncoderError(f"{self.index} cannot be read ({error.strerror})") from None
        except (ValueError, IndexError, struct.error) as error:
            raise EncoderError(
                f"{self.index} cannot be read as the index of a TensorFlow checkpoint ({error}); "
                "unpack or download the checkpoint again"
            ) from None

    def read(self, name: str) -> NDArray[np.float32]:
        """A variable's values; it must be float32, whole and as its checksum says."""
        entry = self.entries[name]
        if entry.partitioned:
            raise EncoderError(
                f"{self.index}: {name} is a partitioned variable, saved in slices; "
                "save the checkpoint again without a partitioner"
            )
        if entry.dtype != "float32":
            raise EncoderError(
                f"{self.index}: {name} is {entry.dtype}; only float32 is read, as the original "
                "code saves it; cast the variables and save the checkpoint again"
            )
        content = self._bytes(entry)
        if entry.size != 4 * math.prod(entry.shape) or len(content) != entry.size:
            raise EncoderError(
                f"{self._shard(entry)} is cut short: it holds {len(content)} of the "
                f"{4 * math.prod(entry.shape)} bytes of {name}; download the checkpoint again"
            )
        if masked(crc32c(content)) != entry.checksum:
            raise EncoderError(
                f"{self._shard(entry)} is damaged: the bytes of {name} do not have their "
                "checksum; download the checkpoint again"
            )
        return np.frombuffer(content, "<f4").astype(np.float32, copy=False).reshape(entry.shape)

    def _bytes(self, entry: TensorEntry) -> bytes:
        path = self._shard(entry)
        try:
            with path.open("rb") as file:
                file.seek(entry.offset)
                return file.read(min(entry.size, path.stat().st_size))
        except FileNotFoundError:
            raise EncoderError(
                f"{path} is missing; the checkpoint has {self.shards} data "
                f"file{'s' if self.shards > 1 else ''}, put all beside {self.index.name}"
            ) from None
        except (OSError, OverflowError, ValueError) as error:
            raise EncoderError(f"{path} cannot be read ({error})") from None

    def _shard(self, entry: TensorEntry) -> Path:
        return self.prefix.with_name(
            f"{self.prefix.name}.data-{entry.shard:05d}-of-{self.shards:05d}"
        )


def _table(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """All keys and values of a sorted table."""
    footer = content[-_FOOTER:]
    if len(footer) < _FOOTER or int.from_bytes(footer[-8:], "little") != _MAGIC:
        raise ValueError("its end is not that of a table")
    _, at = _handle(footer, 0)
    blocks, _ = _handle(footer, at)
    for _, value in _block(content, *blocks):
        yield from _block(content, *_handle(value, 0)[0])


def _handle(data: bytes, at: int) -> tuple[tuple[int, int], int]:
    """The offset and size of a block, and the place after them."""
    offset, at = _varint(data, at)
    size, at = _varint(data, at)
    return (offset, size), at


def _block(content: bytes, offset: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    """The keys and values of a block; a key repeats only what differs from the one before."""
    end = offset + size
    if end + _TRAILER > len(content):
        raise ValueError("a block goes beyond its end")
    if masked(crc32c(content[offset : end + 1])) != int.from_bytes(
        content[end + 1 : end + _TRAILER], "little"
    ):
        raise ValueError("a block does not have its checksum")
    if content[end]:
        raise ValueError("a block is compressed, which TensorFlow does not do")
    data = content[offset:end]
    restarts = int.from_bytes(data[-4:], "little")
    last, at, key = len(data) - 4 * (restarts + 1), 0, b""
    while at < last:
        shared, at = _varint(data, at)
        fresh, at = _varint(data, at)
        length, at = _varint(data, at)
        if shared > len(key) or at + fresh + length > last:
            raise ValueError("an entry goes beyond its block")
        key = key[:shared] + data[at : at + fresh]
        at += fresh + length
        yield key, data[at - length : at]


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, and the place after it."""
    value = 0
    for shift in range(0, 70, 7):
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise ValueError("a number has more than ten bytes")


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a protocol buffer, by number."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        value: int | bytes
        if tag & 7 == 0:
            value, at = _varint(message, at)
        elif tag & 7 == 5:
            (value,) = struct.unpack_from("<I", message, at)
            at += 4
        elif tag & 7 == 2:
            length, at = _varint(message, at)
            value, at = message[at : at + length], at + length
            if at > len(message):
                raise ValueError("a field goes beyond its message")
        else:
            raise ValueError(f"a field has wire type {tag & 7}")
        yield tag >> 3, value


def _number(value: int | bytes) -> int:
    if isinstance(value, bytes):
        raise ValueError("found bytes where a number belongs")
    return value


def _message(value: int | bytes) -> Iterator[tuple[int, int | bytes]]:
    if isinstance(value, int):
        raise ValueError("found a number where a message belongs")
    return _fields(value)


def _shards(header: bytes) -> int:
    """The number of data files; BundleHeaderProto: 1 shards, 2 endianness, 3 version."""
    if not header:
        raise ValueError("it has no header")
    fields = dict(_fields(header))
    if fields.get(2, 0):
        raise ValueError("its tensors are big-endian")
    version = dict(_message(fields.get(3, b"")))  # 2: the oldest reader that understands it
    if _number(version.get(2, 0)) > _BUNDLE_VERSION:
        raise ValueError(f"it needs a reader of version {version[2]!r}")
    return _number(fields.get(1, 0))


def _entry(value: bytes) -> TensorEntry:
    """BundleEntryProto: 1 dtype, 2 shape, 3 shard, 4 offset, 5 size, 6 crc32c, 7 slices."""
    fields = dict(_fields(value))
    sizes = [dim for field, dim in _message(fields.get(2, b"")) if field == 2]
    shape = tuple(_number(dict(_message(size)).get(1, 0)) for size in sizes)
    dtype, shard, offset, size, checksum = (_number(fields.get(n, 0)) for n in (1, 3, 4, 5, 6))
    name = _DTYPES.get(dtype, f"of TensorFlow's type {dtype}")
    return TensorEntry(name, shape, shard, offset, size, checksum, partitioned=7 in fields)
