"""What a cold start of the runtime costs beside what it cannot do without, and beside what it does without.

    python dev/bench/coldstart.py [--rounds N] [--check] [--markdown]

Run it with an interpreter that has lokki-runtime and boto3 (`dev/bootstrap` makes one). Each measurement is the time a
fresh interpreter needs for some imports, taken inside it, with byte code; contenders take turns within a round. The
numbers are medians; read the ratios.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from typing import NamedTuple

RUNTIME, CLIENT, BOTO3, FLOW = "lokki_runtime + S3Store", "awslambdaric", "awslambdaric + boto3", "with a small flow"

PROGRAMS = {
    CLIENT: "import awslambdaric.__main__",
    RUNTIME: "import lokki_runtime.handler\nfrom lokki.store.s3 import S3Store\nS3Store(flow_name='flow')",
    FLOW: "import lokki_runtime.handler\nfrom lokki.store.s3 import S3Store\nS3Store(flow_name='flow')\n"
    "import lokki\n@lokki.step\ndef a():\n    return 1\n@lokki.flow\ndef f():\n    return a()",
    BOTO3: "import awslambdaric.__main__\nimport boto3\nboto3.client('s3')",
}

MEASURE = """
import time
wall, cpu = time.perf_counter(), time.process_time()
{program}
print(time.perf_counter() - wall, time.process_time() - cpu)
"""

SETTINGS = {
    "LOKKI_ARTIFACT_BUCKET": "bucket",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "nobody",
    "AWS_SECRET_ACCESS_KEY": "nothing",
}


class Budget(NamedTuple):
    """`ours` takes at most `limit` times as long as `theirs`."""

    ours: str
    theirs: str
    limit: float


BUDGETS = (Budget(RUNTIME, CLIENT, 3.0), Budget(RUNTIME, BOTO3, 0.35))


def measure(program: str, byte_code: str) -> tuple[float, float]:
    """(wall, processor) milliseconds of one fresh interpreter that keeps its byte code in the folder `byte_code`."""
    code = MEASURE.format(program=program)
    environment = {**os.environ, **SETTINGS, "PYTHONPYCACHEPREFIX": byte_code}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    wall, cpu = done.stdout.split()
    return float(wall) * 1000, float(cpu) * 1000


def rounds(count: int) -> dict[str, list[tuple[float, float]]]:
    """{contender: its measurements}; one round before the first writes the byte code."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in PROGRAMS}
    with tempfile.TemporaryDirectory(prefix="lokki-bench-") as byte_code:
        for number in range(count + 1):
            for name, program in PROGRAMS.items():
                sample = measure(program, byte_code)
                if number:
                    found[name].append(sample)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description="Cold start of the runtime, as ratios.")
    parser.add_argument("--rounds", type=int, default=15, help="measurements of each contender (15)")
    parser.add_argument("--check", action="store_true", help="exit with code 1 where a budget is missed")
    parser.add_argument("--markdown", action="store_true", help="print Markdown tables")
    options = parser.parse_args()
    found = rounds(options.rounds)
    medians = {name: tuple(map(statistics.median, zip(*samples, strict=True))) for name, samples in found.items()}
    edge = "| " if options.markdown else ""
    print(f"{edge}{'imports':<26} {edge}{'wall ms':>8} {edge}{'cpu ms':>8}")
    if options.markdown:
        print("|---|---|---|")
    for name, (wall, cpu) in medians.items():
        print(f"{edge}{name:<26} {edge}{wall:>8.0f} {edge}{cpu:>8.0f}")
    missed = 0
    for budget in BUDGETS:
        wall_ratio, cpu_ratio = (
            ours / theirs for ours, theirs in zip(medians[budget.ours], medians[budget.theirs], strict=True)
        )
        word = "PASS" if wall_ratio <= budget.limit else "MISS"
        missed += word == "MISS"
        print(
            f"{word}  {budget.ours} to {budget.theirs}: {wall_ratio:.2f} (processor {cpu_ratio:.2f}),"
            f" at most {budget.limit:g}"
        )
    return 1 if options.check and missed else 0


if __name__ == "__main__":
    sys.exit(main())
