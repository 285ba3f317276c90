"""Fuzzes what portl reads from others, coverage-guided, with atheris.

    python dev/fuzz/fuzz.py                    every target, 10 seconds each
    python dev/fuzz/fuzz.py csv --seconds 600 --seed 0   one target, longer, elsewhere than last time
    python dev/fuzz/fuzz.py csv FILE           once, with the input of a finding

The targets are functions in packages/portl/tests/hostile.py. A finding is any exception that is not portl's own, an
input that takes 10 seconds, or 1.5 GB of memory; its input is kept and its path is told. Ends with 1 then.
"""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "packages" / "portl" / "tests"
TARGETS = ("job", "csv", "template", "answer", "identifier")
MEGABYTES = 1_536
SECONDS_PER_INPUT = 10


def main(words: list[str]) -> int:
    """Fuzz the targets that the command line names. Returns the exit code."""
    parser = argparse.ArgumentParser(description="Fuzz what portl reads from others.")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=int, default=10, help="for each target (10)")
    parser.add_argument("--seed", type=int, default=1, help="where chance begins; 0 takes another each time (1)")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options, rest = parser.parse_known_args(words)
    if options.child:
        return fuzz(options.targets[0], rest)
    files = [name for name in options.targets if name not in TARGETS]
    chosen = [name for name in options.targets if name in TARGETS] or list(TARGETS)
    try:
        importlib.import_module("atheris")
    except ImportError:
        print("fuzz: NOT RUN: atheris is not installed for this interpreter: pip install atheris", flush=True)
        return 1
    return max(run(name, options.seconds, options.seed, files) for name in chosen)


def run(name: str, seconds: int, seed: int, files: list[str]) -> int:
    """Fuzz one target in a process of its own. Returns 1 where something was found."""
    with tempfile.TemporaryDirectory(prefix="portl-fuzz-") as corpus:
        for number, content in enumerate(seeds(name)):
            (Path(corpus) / f"seed-{number}").write_bytes(content)
        found = Path(tempfile.gettempdir()) / f"portl-fuzz-{name}-"
        limits = [
            f"-max_total_time={seconds}",
            f"-seed={seed}",
            f"-timeout={SECONDS_PER_INPUT}",
            f"-rss_limit_mb={MEGABYTES}",
            f"-artifact_prefix={found}",
            "-max_len=20000",
            "-print_final_stats=1",
            "-verbosity=0",
        ]
        command = [sys.executable, __file__, name, "--child", *limits, *(files or [corpus])]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    said = done.stdout + done.stderr
    if done.returncode:
        print(said[-6000:], flush=True)
        print(f"fuzz: {name}: FOUND something; the input is in {found}*", flush=True)
        return 1
    count = next((line.split()[-1] for line in said.splitlines() if "number_of_executed_units" in line), "?")
    print(f"fuzz: {name}: {count} inputs in {seconds} s, nothing found", flush=True)
    return 0


def fuzz(name: str, limits: list[str]) -> int:
    """What the process of one target does; it does not come back."""
    import atheris  # noqa: PLC0415  # a tool of its own, whose absence is told before

    sys.path.insert(0, str(TESTS))
    with atheris.instrument_imports(include=["portl"], enable_loader_override=False):
        hostile = importlib.import_module("hostile")
    atheris.Setup([sys.argv[0], *limits], hostile.TARGETS[name])
    atheris.Fuzz()
    return 0


def seeds(name: str) -> Iterator[bytes]:
    """Inputs to begin with."""
    if name == "job":
        yield from (path.read_bytes() for path in sorted(ROOT.glob("examples/portl/*/job.yaml")))
        yield (ROOT / "packages/portl/src/portl/template.yaml").read_bytes()
    elif name == "csv":
        texts = (b'a,b\n1,"x, ""y"""\n,\n', b"a;b\r\n2026-01-01;1\r2;3\n", b'\xef\xbb\xbfa,b\n"\n\n",\0\n')
        yield from (bytes([kind, delimiter, 0]) + text for kind in range(18) for delimiter, text in enumerate(texts))
    elif name == "template":
        reference = (ROOT / "docs/portl/reference.md").read_text(encoding="utf-8")
        functions = [
            line.split("`")[1] for line in reference.partition("## Functions")[2].splitlines() if "| `" in line
        ]
        yield from (f"row.code | {function}\0 x".encode() for function in functions)
        yield from (b"row.list[0] + 2 * row.n\0a", b"'a' ~ row.map.a if row.n > 1 else none\0b", b"{'a': [1, (2,)]}\0c")
    elif name == "answer":
        yield from (
            b"\0" + text for text in (b'{"a": [1, 2.5, null, "\\u00e9"]}', b'{"sheets": []}', b'{"a": {"b": 1}}')
        )
        yield b'\0{"sheets": [{"properties": {"title": "x", "sheetId": 1, "gridProperties": {"rowCount": 5}}}]}'
        yield b"\1Sun, 22 Nov 2026 10:00:00 GMT"
    else:
        yield b'public."a"'


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
