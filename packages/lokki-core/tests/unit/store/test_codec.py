from __future__ import annotations

import array
import gzip
import hashlib
import io
import math
import os
import pickle
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lokki import environment
from lokki.store import codec
from lokki.store.codec import MemberError

SIZES = [0, 1, 17, 511, 512, 513, 4095, 4096, 4097, 65_534, 65_535, 65_536, 65_537, 131_070, 131_071, 300_000]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5) | st.tuples(inner, inner),
    max_leaves=20,
)


@pytest.fixture(params=["isal", "zlib"], autouse=True, scope="module")
def engine(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each test once with isal and once without."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(codec, "_found_engine", None if request.param == "isal" else zlib)
        yield


def unpickled(stream: io.BufferedIOBase | gzip.GzipFile) -> Iterator[Any]:
    while True:
        try:
            yield pickle.load(stream)
        except EOFError:
            return


def noise(seed: str, size: int) -> bytes:
    return hashlib.shake_128(seed.encode()).digest(size)


def payload_of(kind: str, size: int) -> bytes:
    if kind == "random":
        return noise("all", size)
    if kind == "zeros":
        return bytes(size)
    half = noise("half", size // 2)
    return half + b"words and words " * (size // 32) + b"." * (size - size // 2 - size // 32 * 16)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", ["random", "zeros", "mixed"])
def test_a_member_is_plain_gzip_and_decodes_again(kind: str, size: int) -> None:
    payload = payload_of(kind, size)
    member = codec.compress(payload)
    assert gzip.decompress(member) == payload
    assert codec.decompress(member) == payload
    assert codec.decompress(memoryview(member)) == payload
    assert codec.compress(payload) == member
    assert member[4:8] == bytes(4), "the time of writing is not in the bytes"
    assert len(member) <= size + 18 + 5 * max(1, -(-size // 65_535)), "never longer than stored blocks"


@pytest.mark.parametrize("level", [0, 1, 6, 9])
@pytest.mark.parametrize("size", SIZES)
def test_members_of_any_gzip_are_read(level: int, size: int) -> None:
    payload = payload_of("mixed", size)
    stream = io.BytesIO()
    with gzip.GzipFile("a name in the header", "wb", level, stream) as file:
        file.write(payload)
    assert codec.decompress(stream.getvalue()) == payload
    assert codec.decompress(gzip.compress(payload, level)) == payload


@given(VALUES)
@settings(max_examples=60)
def test_values_make_the_round_trip(value: object) -> None:
    assert codec.decode(codec.encode(value)) == value
    assert pickle.loads(gzip.decompress(codec.encode(value))) == value


@given(st.lists(VALUES, max_size=12))
@settings(max_examples=60)
@example([])
@example([None] * 300)
@example([b"x" * 70_000, 1, b"y" * 300])
@example([b"x" * 300, 1])
@example([b"x" * 20_000, b"y" * 20_000])
def test_items_make_the_round_trip_in_order(values: list[object]) -> None:
    payloads = [codec.dumps(value) for value in values]
    member = codec.encode_items(payloads)
    assert codec.decode_items(member, len(values)) == values
    assert codec.split_items(member, len(values)) == payloads
    assert list(unpickled(gzip.GzipFile(fileobj=io.BytesIO(member)))) == values


@pytest.mark.parametrize("count", [40_000, 70_000])
@pytest.mark.parametrize("size", [1, 300])
def test_items_too_many_for_a_table_of_lengths(count: int, size: int) -> None:
    values = [0, "x" * size] * (count // 2)
    member = codec.encode_items([codec.dumps(value) for value in values])
    assert codec.decode_items(member, count) == values
    assert [pickle.loads(piece) for piece in codec.split_items(member, count)] == values


def test_items_of_any_gzip_are_split_by_reading_them() -> None:
    payloads = [codec.dumps(value) for value in ("a", [1, 2], None)]
    member = gzip.compress(b"".join(payloads))
    assert codec.split_items(member, 3) == payloads
    assert codec.decode_items(member, 3) == ["a", [1, 2], None]
    for count in (2, 4):
        with pytest.raises(MemberError, match="than the expected"):
            codec.split_items(member, count)


def test_a_foreign_header_field_is_passed_over() -> None:
    payload = codec.dumps([1, 2])
    header = b"\x1f\x8b\x08\x06\0\0\0\0\0\xff" + struct.pack("<H2sH", 7, b"XX", 3) + b"abc"
    header += (zlib.crc32(header) & 0xFFFF).to_bytes(2, "little")
    trailer = struct.pack("<II", zlib.crc32(payload), len(payload))
    member = header + zlib.compress(payload, 1, -15) + trailer
    assert gzip.decompress(member) == payload
    assert codec.decode_items(member, 1) == [[1, 2]]


@pytest.mark.parametrize("count", [0, 1, 2, 4, 5])
def test_another_number_of_items_is_an_error(count: int) -> None:
    payloads = [codec.dumps(value) for value in range(3)]
    for member in (codec.encode_items(payloads), codec.compress(b"".join(payloads))):
        with pytest.raises(MemberError, match="holds"):
            codec.decode_items(member, count)


def test_an_object_is_one_pickle() -> None:
    with pytest.raises(MemberError, match="more than the expected 1 item"):
        codec.loads(codec.dumps(1) + codec.dumps(2))
    with pytest.raises(MemberError, match="fewer than the expected 1 item"):
        codec.loads(b"")


def test_what_pickle_raises_passes_through() -> None:
    with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
        codec.dumps(lambda: None)
    with pytest.raises(ModuleNotFoundError):
        codec.loads(b"cno_such_module_anywhere\nname\n.")


def members() -> Iterator[tuple[bytes, list[Any]]]:
    small: list[Any] = [1, "two", [3.0]]
    words = [f"word {number % 7} of {number}" for number in range(300)]
    dense = [noise("one", 600), noise("two", 400)]
    for values in (small, words, dense, [words], [b""]):
        yield codec.encode_items([codec.dumps(value) for value in values]), values


def test_every_damaged_byte_is_noticed_or_harmless() -> None:
    for member, values in members():
        for position in range(len(member)):
            for flip in (0x01, 0x02, 0x04, 0x06, 0x80, 0xFF):
                damaged = bytearray(member)
                damaged[position] ^= flip
                try:
                    found = codec.decode_items(bytes(damaged), len(values))
                except MemberError:
                    continue
                assert found == values, (position, flip)


def test_every_truncation_is_noticed() -> None:
    for member, values in members():
        for size in range(len(member)):
            with pytest.raises(MemberError):
                codec.decode_items(member[:size], len(values))
            with pytest.raises(MemberError):
                codec.decompress(member[:size])


@pytest.mark.parametrize("size", [0, 100, 2_000, 100_000])
def test_whatever_follows_is_noticed(size: int) -> None:
    payload = payload_of("mixed", size)
    member = codec.compress(payload)
    for tail in (b"\0", b"trailing garbage", member, member[:-1], codec.compress(b"")):
        with pytest.raises(MemberError):
            codec.decompress(member + tail)


@given(st.binary(max_size=200))
def test_noise_is_no_member(data: bytes) -> None:
    for member in (data, b"\x1f\x8b\x08\0" + data, b"\x1f\x8b\x08\x06" + data):
        with pytest.raises(MemberError):
            codec.decode_items(member, 1)


def test_a_table_of_lengths_that_lies_is_noticed() -> None:
    payloads = [codec.dumps(value) for value in ("first", "second")]
    honest = codec.encode_items(payloads)
    lying = codec._table([b"x" * 3, b"y" * 4])
    with pytest.raises(MemberError, match="2 items in 7 bytes, not 2 in"):
        codec.decode_items(lying + honest[len(lying) :], 2)


def test_floats_and_noise_shrink_or_stay() -> None:
    floats = codec.dumps(array.array("d", (math.sin(number) for number in range(20_000))))
    assert len(codec.compress(floats)) < len(floats)
    late = noise("early", 65_536) + bytes(65_536)
    assert len(codec.compress(late)) < 70_000, "the probe looks beyond the first block"


def test_isal_is_imported_only_when_it_pays() -> None:
    code = (
        "import sys; from lokki.store import codec; codec.encode(1); codec.compress(bytes(4095)); "
        "assert 'isal' not in sys.modules; codec.compress(bytes(4096)); print('isal' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=_environment())
    assert done.stdout.strip() == str("isal" in _installed())


def test_without_isal_the_standard_library_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "_found_engine", None)
    monkeypatch.setitem(sys.modules, "isal", None)
    assert gzip.decompress(codec.compress(bytes(100_000))) == bytes(100_000)
    assert codec._found_engine is zlib


def _environment() -> dict[str, str]:
    return {**environment.variables(), "PYTHONPATH": os.pathsep.join(sys.path)}


def _installed() -> set[str]:
    from importlib.metadata import packages_distributions

    return set(packages_distributions())
