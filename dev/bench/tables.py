"""The results as text: tables that are Markdown, or padded plain text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from budgets import Results, Verdict
from contenders import CONTENDERS, FLOOR
from measure import Key, Result

Row = Sequence[str]


def report(results: Results, verdicts: Iterable[Verdict], *, timeout_s: float, markdown: bool) -> str:
    """All tables that have something in them."""
    too_slow = f"> {timeout_s:g} s"
    tables = {
        "Fan-out, wall time in seconds (times the floor)": _fan_out(results, _seconds(results), too_slow),
        "Fan-out, processor time in seconds": _fan_out(results, lambda _, result: f"{result.cpu_s:.2f}", too_slow),
        "Fan-out, peak memory in MB": _fan_out(results, lambda _, result: f"{result.peak_mb:,.0f}", too_slow),
        "Other measurements": _others(results),
        "Budgets": _budgets(verdicts),
    }
    title = "### {}" if markdown else "{}"
    parts = [f"{title.format(name)}\n\n{_table(rows, markdown)}" for name, rows in tables.items() if len(rows) > 1]
    return "\n\n".join(parts)


def _fan_out(results: Results, cell: Callable[[Key, Result], str], too_slow: str) -> list[Row]:
    names = [contender.name for contender in CONTENDERS]
    sizes = sorted({size for name, size in results if name in names})
    keeps = {contender.name: contender.keeps for contender in CONTENDERS}
    rows: list[Row] = [["contender", "stores", *(f"{size:,}" for size in sizes)]]
    for name in names:
        found = {size: results[name, size] for size in sizes if (name, size) in results}
        if found:
            cells = [_cell((name, size), found.get(size), cell, too_slow) for size in sizes]
            rows.append([name, keeps[name], *cells])
    return rows if sizes else []


def _cell(key: Key, result: Result | None, cell: Callable[[Key, Result], str], too_slow: str) -> str:
    if result is None:
        return ""
    return cell(key, result) if result.samples and not result.problem else result.problem.replace("too slow", too_slow)


def _seconds(results: Results) -> Callable[[Key, Result], str]:
    def cell(key: Key, result: Result) -> str:
        floor = results.get((FLOOR, key[1]))
        ratio = f" ({result.seconds / floor.seconds:,.1f})" if floor and floor.samples else ""
        return f"{result.seconds:.2f}{ratio}"

    return cell


def _others(results: Results) -> list[Row]:
    fan_out = {contender.name for contender in CONTENDERS}
    rows: list[Row] = [["what", "items", "wall s", "processor s", "peak MB"]]
    for (name, size), result in results.items():
        if name not in fan_out and result.samples:
            wall, peak = (f"{result.seconds:.3f}", f"{result.peak_mb:,.0f}") if result.peak_mb else ("", "")
            rows.append([name, f"{size:,}", wall, f"{result.cpu_s:.3f}", peak])
    return rows


def _budgets(verdicts: Iterable[Verdict]) -> list[Row]:
    rows: list[Row] = [["budget", "at most", "measured", "", "processor time"]]
    for verdict in verdicts:
        ratios = [_ratio(verdict.ratio), _ratio(verdict.cpu_ratio)]
        rows.append([verdict.budget.text, f"{verdict.budget.limit:.3g}", ratios[0], verdict.word, ratios[1]])
    return rows


def _ratio(ratio: float | None) -> str:
    if ratio is None:
        return ""
    return f"{ratio:.2g}" if ratio < 1 else f"{ratio:.2f}"


def _table(rows: Sequence[Row], markdown: bool) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows]
    lines.insert(1, ["-" * width for width in widths])
    if markdown:
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return "\n".join("  ".join(line).rstrip() for line in lines)
