"""The floor with persistence: the durable work of a fan-out, written by hand, and nothing else.

    python floor.py N

As lokki does, it stores the source as a pack with an index, runs the items on threads that claim runs of them
from a shared counter, stores the results in one file with an index as they come, reads them back in order, and
stores the output. As lokki's, the files are valid gzip, values are pickled one by one, and data are in place
before the index that tells of them. It has no graph, no parameters, no retries, no resume, and no error handling.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import zlib
from collections.abc import Iterable, Iterator
from io import BytesIO
from pickle import dumps, load

GROUP = 64
FLUSH_S = 0.05
STORED_BELOW = 4_096
"""Small members are stored: deflating a handful of small integers costs more than the bytes are worth."""
GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff"

Row = tuple[int, int, int, int]
"""first, count, offset, length of a member."""


def member(data: bytes) -> bytes:
    """`data` as one gzip member."""
    if len(data) >= STORED_BELOW:
        return zlib.compress(data, 1, 31)
    size = len(data)
    block = b"\x01" + size.to_bytes(2, "little") + (size ^ 0xFFFF).to_bytes(2, "little")
    return b"".join((GZIP_HEADER, block, data, zlib.crc32(data).to_bytes(4, "little"), size.to_bytes(4, "little")))


def index_line(row: Row) -> str:
    first, count, offset, length = row
    return f'{{"v":1,"first":{first},"count":{count},"offset":{offset},"length":{length}}}'


def write_whole(path: str, data: bytes) -> None:
    """Atomically: a reader sees all of it or nothing."""
    with open(f"{path}.tmp", "wb", 0) as file:
        file.write(data)
    os.rename(f"{path}.tmp", path)


def write_pack(path: str, items: list[int]) -> list[Row]:
    rows: list[Row] = []
    offset = 0
    with open(f"{path}.tmp", "wb") as file:
        for first in range(0, len(items), GROUP):
            group = items[first : first + GROUP]
            data = member(b"".join([dumps(item) for item in group]))
            file.write(data)
            rows.append((first, len(group), offset, len(data)))
            offset += len(data)
    os.rename(f"{path}.tmp", path)
    write_whole(f"{path}.json", ("[" + ",\n".join(map(index_line, rows)) + "]").encode())
    return rows


def read_member(file: int, row: Row) -> Iterator[int]:
    _, count, offset, length = row
    stream = BytesIO(zlib.decompress(os.pread(file, length, offset), 31))
    for _ in range(count):
        yield load(stream)


class Results:
    """One file of members and its index, appended to by all workers."""

    def __init__(self, path: str) -> None:
        self.data = open(path, "wb", 0)  # noqa: SIM115  # closed by close()
        self.index = open(f"{path}.json", "w")  # noqa: SIM115  # closed by close()
        self.rows: list[Row] = []
        self.offset = 0
        self.lock = threading.Lock()

    def append(self, first: int, pickles: list[bytes]) -> None:
        data = member(b"".join(pickles))
        with self.lock:
            self.data.write(data)
            row = (first, len(pickles), self.offset, len(data))
            self.index.write(index_line(row) + "\n")
            self.rows.append(row)
            self.offset += len(data)

    def close(self) -> None:
        self.data.close()
        self.index.close()


def double(item: int) -> int:
    return item * 2


def work(source: int, rows: Iterator[Row], claim: threading.Lock, results: Results) -> None:
    """What each thread does: claim a member of the source, run its items, store their results."""
    while True:
        with claim:
            row = next(rows, None)
        if row is None:
            return
        first = row[0]
        pickles: list[bytes] = []
        begun = time.perf_counter()
        for item in read_member(source, row):
            pickles.append(dumps(double(item)))
            if time.perf_counter() - begun > FLUSH_S:
                results.append(first, pickles)
                first, pickles, begun = first + len(pickles), [], time.perf_counter()
        if pickles:
            results.append(first, pickles)


def fan_out(source: str, rows: list[Row], target: str) -> list[Row]:
    results = Results(target)
    claim = threading.Lock()
    waiting = iter(rows)
    file = os.open(source, os.O_RDONLY)
    threads = [threading.Thread(target=work, args=(file, waiting, claim, results)) for _ in range(os.cpu_count() or 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os.close(file)
    results.close()
    return results.rows


def read_all(path: str, rows: Iterable[Row]) -> Iterator[int]:
    file = os.open(path, os.O_RDONLY)
    for row in sorted(rows):
        yield from read_member(file, row)
    os.close(file)


def main(n: int) -> None:
    folder = f"run-{time.time_ns()}"
    os.mkdir(folder)
    rows = write_pack(f"{folder}/source.pkl.gz", list(range(n)))
    results = fan_out(f"{folder}/source.pkl.gz", rows, f"{folder}/results.pkl.gz")
    total = sum(read_all(f"{folder}/results.pkl.gz", results))
    write_whole(f"{folder}/output.pkl.gz", member(dumps(total)))
    print(total)


if __name__ == "__main__":
    main(int(sys.argv[1]))
