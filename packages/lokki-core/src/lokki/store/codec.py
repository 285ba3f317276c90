"""Objects to bytes and back: pickle protocol 5 in exactly one gzip member.

Pure functions of bytes. Every member can be read by any gzip, and members written by any gzip can be read here.
A member of several items also carries their lengths in a gzip header field, guarded by the header's checksum; a reader
that finds it need not search for the items' ends. Errors are `MemberError`; who knows the URL turns them into
`StoreFormatError`. What pickle itself raises passes through.
"""

from __future__ import annotations

import pickle
import struct
import zlib
from collections.abc import Sequence
from io import BytesIO
from itertools import accumulate, pairwise
from typing import Any

FORMAT_VERSION = 1

Data = bytes | bytearray | memoryview

_PROTOCOL = 5
_HEADER = b"\x1f\x8b\x08\x00\0\0\0\0\0\xff"
_TABLE_HEADER = b"\x1f\x8b\x08\x06\0\0\0\0\0\xff"  # with an extra field and a header checksum
_TABLE_ID = b"LK"
_TABLE_FIELD = struct.Struct("<H2sHB")  # field bytes, identifier, its bytes, bytes per length
_TABLE_START = len(_HEADER) + _TABLE_FIELD.size
_TABLE_MAX_BYTES = 65_535 - 5
_LENGTH_FORMATS = {1: "B", 2: "H", 4: "I"}
_TRAILER = struct.Struct("<II")
_STORED = struct.Struct("<BHH")
_BLOCK_BYTES = 65_535
_TINY_BYTES = 512
_SMALL_BYTES = 4_096
_PROBED_BYTES = 65_536
_SAMPLE_BYTES = 8_192
_WORTH_IT = 0.98
_GZIP_WINDOW = 31


class MemberError(Exception):
    """Bytes are not the one whole gzip member, or not the items, that they should be."""


def dumps(obj: object) -> bytes:
    """Pickle `obj`; raises what pickle raises."""
    return pickle.dumps(obj, _PROTOCOL)


def loads(data: Data) -> Any:
    """The only pickle in `data`; raises `MemberError` if more follows, else what pickle raises."""
    return load_many(data, 1)[0]


def encode(obj: object) -> bytes:
    """`obj` as one gzip member."""
    return compress(dumps(obj))


def decode(data: Data) -> Any:
    """The only object in the only member of `data`."""
    return loads(decompress(data))


def compress(data: Data) -> bytes:
    """Exactly one gzip member that holds `data`; the same bytes for the same `data`, at any time."""
    return _member(_HEADER, data, _SMALL_BYTES)


def decompress(data: Data) -> bytes:
    """What the one member in `data` holds; length and checksum are verified and nothing may follow."""
    return _inflate(memoryview(data), len(_HEADER))


def encode_items(payloads: Sequence[bytes]) -> bytes:
    """One gzip member that holds the pickles in `payloads` one after another."""
    if len(payloads) == 1:
        return compress(payloads[0])
    return _member(_table(payloads), b"".join(payloads), _TINY_BYTES)


def decode_items(data: Data, count: int) -> list[Any]:
    """The `count` objects in the one member in `data`."""
    payload, lengths = _open(data, count)
    if lengths is None:
        return load_many(payload, count)
    return list(map(pickle.loads, _pieces(payload, lengths)))


def split_items(data: Data, count: int) -> list[bytes]:
    """The `count` pickles in the one member in `data`, each still pickled where the member knows their lengths.

    Otherwise they are unpickled to find where each one ends.
    """
    payload, lengths = _open(data, count)
    if lengths is None:
        lengths = _found_lengths(payload, count) if count != 1 else [len(payload)]
    return [bytes(piece) for piece in _pieces(payload, lengths)]


def load_many(data: Data, count: int) -> list[Any]:
    """The `count` objects whose pickles stand one after another in `data`; nothing may be missing or left."""
    stream = BytesIO(data)
    load = pickle.load
    try:
        items = [load(stream) for _ in range(count)]
    except EOFError as error:
        raise MemberError(f"holds fewer than the expected {_items(count)}") from error
    _demand_all_read(stream, len(data), count)
    return items


def _items(count: int) -> str:
    return f"{count} items" if count != 1 else "1 item"


def _demand_all_read(stream: BytesIO, size: int, count: int) -> None:
    if stream.tell() != size:
        raise MemberError(f"holds more than the expected {_items(count)}")


def _member(header: bytes, data: Data, fast_from: int) -> bytes:
    """One gzip member; isal works on `fast_from` bytes and more, where its import pays."""
    size = len(data)
    engine = _fast_engine() if size >= fast_from else zlib
    stored_size = size + 5 * -(-size // _BLOCK_BYTES)
    body: list[Data] = []
    if size >= _TINY_BYTES and (size < _PROBED_BYTES or _compressible(memoryview(data), engine)):
        if header is _HEADER and engine is not zlib and size >= _SMALL_BYTES:
            member: bytes = engine.compress(data, 1, _GZIP_WINDOW)  # isal writes this header, too; that saves a copy
            if len(member) < stored_size + len(_HEADER) + _TRAILER.size:
                return member
        else:
            body = _deflated(data, engine, stored_size)
    trailer = _TRAILER.pack(engine.crc32(data), size & 0xFFFFFFFF)
    return b"".join([header, *(body or _stored_blocks(data)), trailer])


def _deflated(data: Data, engine: Any, stored_size: int) -> list[Data]:
    """`data` as a raw deflate stream; nothing where that is not smaller."""
    level = 0 if len(data) < _SMALL_BYTES and engine is not zlib else 1  # isal's 0 compresses, too, in a quarter of it
    deflated: bytes = engine.compress(data, level, -15)
    return [deflated] if len(deflated) < stored_size else []


def _compressible(view: memoryview, engine: Any) -> bool:
    """Whether samples from the beginning, the middle and the end would shrink."""
    last = len(view) - _SAMPLE_BYTES
    sample = b"".join(view[start : start + _SAMPLE_BYTES] for start in (0, last // 2, last))
    return len(engine.compress(sample, 1, -15)) < len(sample) * _WORTH_IT


def _stored_blocks(data: Data) -> list[Data]:
    if len(data) <= _BLOCK_BYTES:
        return [_STORED.pack(1, len(data), len(data) ^ 0xFFFF), data]
    view = memoryview(data)
    pieces: list[Data] = []
    for start in range(0, len(view), _BLOCK_BYTES):
        block = view[start : start + _BLOCK_BYTES]
        final = start + _BLOCK_BYTES >= len(view)
        pieces += (_STORED.pack(final, len(block), len(block) ^ 0xFFFF), block)
    return pieces


_found_engine: Any = None


def _fast_engine() -> Any:
    """The module isal where it is installed, else zlib; imported when first needed, because that takes 2 ms."""
    global _found_engine
    if _found_engine is None:
        try:
            from isal import isal_zlib  # type: ignore[import-not-found, unused-ignore]  # noqa: PLC0415  # an extra

            _found_engine = isal_zlib
        except ImportError:
            _found_engine = zlib
    return _found_engine


def _inflate(view: memoryview, start: int) -> bytes:
    """What the member `view` holds; `start` is where our own writer's deflate stream would begin."""
    if len(view) > start and view[start] == 1 and (stored := _stored_payload(view, start)) is not None:
        return stored
    engine = _fast_engine() if len(view) >= _SMALL_BYTES else zlib
    stream = engine.decompressobj(_GZIP_WINDOW)
    try:
        payload: bytes = stream.decompress(view)
    except (zlib.error, engine.error) as error:
        raise MemberError(f"is corrupt ({error})") from error
    if not stream.eof:
        raise MemberError("is truncated")
    if stream.unused_data:
        raise MemberError("is followed by other data")
    return payload


def _stored_payload(view: memoryview, start: int) -> bytes | None:
    """The short cut for a member of a single stored block; None where `view` is anything else or damaged."""
    size = len(view) - start - _STORED.size - _TRAILER.size
    if not 0 <= size <= _BLOCK_BYTES or view[:3] != _HEADER[:3]:
        return None
    if _STORED.unpack_from(view, start) != (1, size, size ^ 0xFFFF):
        return None
    payload = bytes(view[start + _STORED.size : -_TRAILER.size])
    return payload if _TRAILER.unpack_from(view, len(view) - _TRAILER.size) == (zlib.crc32(payload), size) else None


def _table(payloads: Sequence[bytes]) -> bytes:
    """The gzip header for these items: with a table of their lengths where there are several and it fits."""
    count = len(payloads)
    if not 1 < count <= _TABLE_MAX_BYTES:
        return _HEADER
    sizes = list(map(len, payloads))
    longest = max(sizes)
    width = 1 if longest < 1 << 8 else 2 if longest < 1 << 16 else 4
    size = width * count
    if size > _TABLE_MAX_BYTES or longest >= 1 << 32:
        return _HEADER
    lengths = bytes(sizes) if width == 1 else struct.pack(f"<{count}{_LENGTH_FORMATS[width]}", *sizes)
    header = _TABLE_HEADER + _TABLE_FIELD.pack(size + 5, _TABLE_ID, size + 1, width) + lengths
    return header + (zlib.crc32(header) & 0xFFFF).to_bytes(2, "little")


def _open(data: Data, count: int) -> tuple[bytes, Sequence[int] | None]:
    """Payload and item lengths of a member that must hold `count` items; None where no lengths are written."""
    view = memoryview(data)
    if view[:4] != _TABLE_HEADER[:4]:
        return decompress(view), None
    lengths, start = _read_table(view)
    payload = _inflate(view, start)
    if lengths is not None and (len(lengths) != count or sum(lengths) != len(payload)):
        raise MemberError(f"holds {_items(len(lengths))} in {sum(lengths)} bytes, not {count} in {len(payload)}")
    return payload, lengths


def _read_table(view: memoryview) -> tuple[Sequence[int] | None, int]:
    """The lengths in a member's header, None for another program's field, and where the header ends."""
    if len(view) <= _TABLE_START:
        raise MemberError("is truncated")
    field_size, identifier, size, width = _TABLE_FIELD.unpack_from(view, len(_HEADER))
    end = len(_HEADER) + 2 + field_size
    if identifier != _TABLE_ID or size + 4 != field_size or width not in _LENGTH_FORMATS:
        return None, end + 2
    if zlib.crc32(view[:end]) & 0xFFFF != int.from_bytes(view[end : end + 2], "little"):
        raise MemberError("has a corrupt header")
    return struct.unpack_from(f"<{(size - 1) // width}{_LENGTH_FORMATS[width]}", view, _TABLE_START), end + 2


def _pieces(payload: bytes, lengths: Sequence[int]) -> Sequence[Data]:
    """`payload` cut at `lengths`; long pieces are views of it, short ones are cut fastest by struct."""
    if len(payload) < len(lengths) * _SMALL_BYTES:
        return struct.unpack("<" + "%ds" * len(lengths) % tuple(lengths), payload)
    view = memoryview(payload)
    return [view[start:end] for start, end in pairwise(accumulate(lengths, initial=0))]


def _found_lengths(payload: bytes, count: int) -> list[int]:
    stream = BytesIO(payload)
    ends = []
    for _ in range(count):
        try:
            pickle.load(stream)
        except EOFError as error:
            raise MemberError(f"holds fewer than the expected {_items(count)}") from error
        ends.append(stream.tell())
    _demand_all_read(stream, len(payload), count)
    return [end - start for start, end in pairwise([0, *ends])]
