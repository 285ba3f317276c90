"""What starting costs, and the processor-bound case: the suites beside the fan-out."""

from __future__ import annotations

from contenders import Workplace
from measure import Job

BARE_IMPORTS = "import json, pickle, gzip, dataclasses"
IMPORT_LOKKI = "import lokki"
HELLO = "hello world"
CPU_LOKKI = "lokki, 2 processes"
CPU_POOL = "ProcessPoolExecutor(2)"
STREAM = "lokki, streaming"
ITEMS, MILLISECONDS = 200, 20


def startup(place: Workplace) -> list[Job]:
    """Imports alone, and the smallest run there is."""
    return [
        place.job(BARE_IMPORTS, 1, "lokki", ["-c", BARE_IMPORTS]),
        place.job(IMPORT_LOKKI, 1, "lokki", ["-c", IMPORT_LOKKI]),
        place.job(HELLO, 1, "lokki", ["flows/hello_flow.py", "run"], expected="hello"),
    ]


def cpu(place: Workplace) -> list[Job]:
    """Items that keep a processor busy, on two worker processes."""
    expected = str(ITEMS * (ITEMS - 1))
    work = ["flows/cpu_flow.py", "run", "--items", str(ITEMS), "--milliseconds", str(MILLISECONDS)]
    return [
        place.job(CPU_LOKKI, ITEMS, "lokki", [*work, "--executor", "process", "--workers", "2"], expected=expected),
        place.job(
            CPU_POOL, ITEMS, "lokki", ["peers/process_pool_cpu.py", str(ITEMS), str(MILLISECONDS)], expected=expected
        ),
    ]


def streaming(place: Workplace) -> list[Job]:
    """A generator as source and a lazy aggregation, at two sizes."""
    return [
        place.job(STREAM, n, "lokki", ["flows/stream_flow.py", "run", "--n", str(n)], expected=str(n * (n - 1)))
        for n in (10_000, 100_000)
    ]
