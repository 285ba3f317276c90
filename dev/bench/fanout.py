"""Measures lokki beside its peers and its physical limit, in one run, and checks its budgets.

    python dev/bench/fanout.py                       everything; takes about half an hour
    python dev/bench/fanout.py --no-peers --check    the budgets that need no peer; exit code 1 on a miss
    python dev/bench/fanout.py --only startup,codec  single suites: fanout, streaming, startup, cpu, codec
    python dev/bench/fanout.py --only lokki,redun    single contenders of the fan-out

Each number is the median of `--repeat` whole processes. Contenders take turns within a round, and have run once
before the first round, so that byte code and databases exist.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import startup
from budgets import Results, judge
from contenders import CONTENDERS, Contender, Workplace
from measure import Job, Key, Result, Sample, rounds
from tables import report
from venvs import HERE, python_of

SIZES = (100, 1_000, 10_000, 100_000)
WARM_UP_TIMEOUT_S = 600
SHORT_REPEAT = 3
"""Suites of short processes run this many times as often."""

SUITES: dict[str, Callable[[Workplace], list[Job]]] = {
    "streaming": startup.streaming,
    "startup": startup.startup,
    "cpu": startup.cpu,
}


def main() -> int:
    options = _parser().parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    results: dict[Key, Result] = {}
    interrupted = False
    with tempfile.TemporaryDirectory(prefix="lokki-bench-") as folder:
        try:
            measure(options, Workplace(Path(folder)), results)
        except KeyboardInterrupt:
            interrupted = True
            print("interrupted; this is what was measured until then", file=sys.stderr)
    verdicts = judge(results)
    print(report(results, verdicts, timeout_s=options.timeout, markdown=options.markdown))
    if options.json:
        options.json.write_text(json.dumps(_plain(results), indent=1))
    if interrupted:
        return 130
    return int(options.check and any(verdict.word == "MISS" for verdict in verdicts))


def measure(options: argparse.Namespace, place: Workplace, results: dict[Key, Result]) -> None:
    """All suites that were asked for."""
    wanted = set(options.only)
    _measure(_fan_out(options, wanted, place), results, options.repeat, options.timeout)
    for name, suite in SUITES.items():
        if not wanted or name in wanted:
            repeat = options.repeat * (SHORT_REPEAT if name == "startup" else 1)
            _measure(suite(place), results, repeat, options.timeout)
    if not wanted or "codec" in wanted:
        results |= codec(options.repeat * 2)  # an even number: each side is first as often as the other


def _fan_out(options: argparse.Namespace, wanted: set[str], place: Workplace) -> list[Job]:
    chosen = [contender for contender in CONTENDERS if _takes_part(contender, wanted, peers=options.peers)]
    return [
        place.fan_out(contender, size)
        for size in options.sizes
        for contender in chosen
        if contender.largest is None or size <= contender.largest
    ]


def _takes_part(contender: Contender, wanted: set[str], *, peers: bool) -> bool:
    """Names are matched by their beginning: `lokki` is both stores, `dagster` both ways to run it."""
    if contender.is_peer and not peers:
        return False
    return not wanted or "fanout" in wanted or any(contender.name.lower().startswith(name) for name in wanted)


def _measure(jobs: Sequence[Job], results: dict[Key, Result], repeat: int, timeout_s: float) -> None:
    first_of_each = {job.name: job for job in reversed(jobs)}
    rounds(list(first_of_each.values()), {}, repeat=1, timeout_s=WARM_UP_TIMEOUT_S)
    rounds(jobs, results, repeat=repeat, timeout_s=timeout_s)


def codec(repeat: int) -> dict[Key, Result]:
    """The suite that measures functions, not processes: it knows their processor time only."""
    command = [str(python_of("codec")), str(HERE / "codec.py"), str(repeat)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, list[float]] = json.loads(done.stdout)
    return {(name, 1): Result(tuple(Sample(one, one, 0) for one in seconds)) for name, seconds in found.items()}


def _plain(results: Results) -> list[dict[str, object]]:
    return [
        {"name": name, "size": size, "problem": result.problem, "samples": [asdict(one) for one in result.samples]}
        for (name, size), result in results.items()
    ]


def _parser() -> argparse.ArgumentParser:
    first_line, _, rest = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(
        description=first_line, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=_sizes, default=SIZES, help="numbers of items, as 100,1000")
    parser.add_argument("--repeat", type=int, default=5, help="processes per median (default: 5)")
    parser.add_argument("--only", type=_names, default=(), help="suites or contenders, separated by commas")
    parser.add_argument("--no-peers", dest="peers", action="store_false", help="without the other libraries")
    parser.add_argument("--timeout", type=float, default=120, help="seconds a process may take (default: 120)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every sample to FILE")
    parser.add_argument("--markdown", action="store_true", help="print Markdown")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a budget is missed")
    return parser


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(int(size) for size in text.split(","))


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip().lower() for name in text.split(","))


if __name__ == "__main__":
    sys.exit(main())
