"""What lokki promises, as ratios within one run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Literal

from codec import OPERATIONS, PAYLOADS
from codec import name as codec_name
from contenders import CONTENDERS, FLOOR, LOKKI_LOCAL, LOKKI_MEMORY
from measure import Key, Result
from startup import BARE_IMPORTS, CPU_LOKKI, CPU_POOL, HELLO, IMPORT_LOKKI, ITEMS, STREAM

Results = Mapping[Key, Result]


@dataclass(frozen=True)
class Budget:
    """One promise: `ours` takes at most `limit` times what the best of `theirs` takes."""

    text: str
    ours: Key
    theirs: tuple[Key, ...]
    limit: float
    measure: Literal["seconds", "peak_mb"] = "seconds"


@dataclass(frozen=True)
class Verdict:
    budget: Budget
    ratio: float | None
    """None where one side was not measured."""
    cpu_ratio: float | None
    """The same of processor time: beside it, to tell a busy machine from a slow program. It decides nothing."""

    @property
    def word(self) -> str:
        if self.ratio is None:
            return "not measured"
        return "PASS" if self.ratio <= self.budget.limit else "MISS"


ORCHESTRATORS = tuple((contender.name, 100) for contender in CONTENDERS if contender.orchestrator)

BUDGETS = (
    Budget("local store to floor, 10,000 items", (LOKKI_LOCAL, 10_000), ((FLOOR, 10_000),), 2.0),
    Budget("local store to floor, 100,000 items", (LOKKI_LOCAL, 100_000), ((FLOOR, 100_000),), 1.5),
    Budget("memory store to local store, 10,000 items", (LOKKI_MEMORY, 10_000), ((LOKKI_LOCAL, 10_000),), 1.0),
    Budget("memory store to local store, 100,000 items", (LOKKI_MEMORY, 100_000), ((LOKKI_LOCAL, 100_000),), 1.0),
    Budget("lokki to the fastest orchestrator, 100 items", (LOKKI_LOCAL, 100), ORCHESTRATORS, 1 / 20),
    Budget("peak memory of a stream, 100,000 to 10,000 items", (STREAM, 100_000), ((STREAM, 10_000),), 1.3, "peak_mb"),
    Budget(f"import lokki to {BARE_IMPORTS}", (IMPORT_LOKKI, 1), ((BARE_IMPORTS, 1),), 1.3),
    Budget(f"hello world to {BARE_IMPORTS}", (HELLO, 1), ((BARE_IMPORTS, 1),), 1.6),
    Budget(f"{ITEMS} items of 20 ms, lokki to {CPU_POOL}", (CPU_LOKKI, ITEMS), ((CPU_POOL, ITEMS),), 1.15),
    *(
        Budget(
            f"codec to isal and pickle by hand, {operation} {payload}",
            (codec_name("lokki", operation, payload), 1),
            ((codec_name("by hand", operation, payload), 1),),
            1 / 0.9,
        )
        for payload in PAYLOADS
        for operation in OPERATIONS
    ),
)


def judge(results: Results) -> list[Verdict]:
    """Every budget against what was measured."""
    return [_verdict(budget, results) for budget in BUDGETS]


def _verdict(budget: Budget, results: Results) -> Verdict:
    cpu_ratio = _ratio(budget, results, "cpu_s") if budget.measure == "seconds" else None
    return Verdict(budget, _ratio(budget, results, budget.measure), cpu_ratio)


def _ratio(budget: Budget, results: Results, measure: str) -> float | None:
    """The median of the rounds' ratios: what slows the machine down in a round meets both sides of it."""
    ours = _measured(results, budget.ours, measure)
    theirs = [found for key in budget.theirs if (found := _measured(results, key, measure))]
    if not ours or not theirs:
        return None
    best = min(theirs, key=median)
    return median(one / other for one, other in zip(ours, best, strict=False))


def _measured(results: Results, key: Key, measure: str) -> list[float]:
    return [getattr(sample, measure) for sample in results[key].samples] if key in results else []
