"""lokki's codec against isal and pickle by hand, on three payloads; runs in the environment `codec`.

    python codec.py REPEAT

Prints a JSON object {name: [seconds, …]} of processor times, for one thread does all the work; the names are those
of `name`.
"""

# NumPy, pandas and isal are in the environment this runs in, not in everybody's.
# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

PAYLOADS = ("10 MB of dicts", "50 MB float array", "200k-row DataFrame")
OPERATIONS = ("encode", "decode")


def name(who: str, operation: str, payload: str) -> str:
    """What a measurement is called."""
    return f"{who} {operation}, {payload}"


def payloads() -> dict[str, Any]:
    """The objects, always the same."""
    import numpy as np  # this module is also imported where numpy is not installed
    import pandas as pd

    random = np.random.default_rng(7)
    rows = 200_000
    frame = {
        "id": np.arange(rows),
        "group": random.integers(0, 50, rows),
        "price": random.normal(100, 15, rows).round(2),
        "name": [f"customer-{i % 5_000}" for i in range(rows)],
        "day": pd.date_range("2024-01-01", periods=rows, freq="min"),
    }
    dicts = [{"id": i, "name": f"item-{i}", "price": i * 1.01, "tags": ["a", str(i % 100)]} for i in range(160_000)]
    return dict(zip(PAYLOADS, (dicts, random.normal(size=6_250_000), pd.DataFrame(frame)), strict=True))


def contenders() -> dict[str, tuple[Callable[[Any], bytes], Callable[[bytes], Any]]]:
    """{who: (encode, decode)}"""
    import pickle

    from isal import isal_zlib
    from lokki.store import codec

    return {
        "lokki": (codec.encode, codec.decode),
        "by hand": (
            lambda obj: isal_zlib.compress(pickle.dumps(obj, 5), 1, 31),
            lambda data: pickle.loads(isal_zlib.decompress(data, 31)),
        ),
    }


def timed(function: Callable[[Any], Any], argument: Any) -> float:
    begun = time.process_time()
    function(argument)
    return time.process_time() - begun


def main(repeat: int) -> None:
    found: dict[str, list[float]] = {}
    for payload, obj in payloads().items():
        encoded = {who: encode(obj) for who, (encode, _) in contenders().items()}
        for number in range(repeat):
            in_turn = list(contenders().items())[:: -1 if number % 2 else 1]  # neither is always the first
            for who, (encode, decode) in in_turn:
                found.setdefault(name(who, "encode", payload), []).append(timed(encode, obj))
                found.setdefault(name(who, "decode", payload), []).append(timed(decode, encoded[who]))
    print(json.dumps(found))


if __name__ == "__main__":
    main(int(sys.argv[1]))
