"""The line that follows the step at work, in as much room as the terminal has. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..logging import Event

BARS = (20, 10)
"""Characters of the bar, where there is room for one."""
DIGITS = 3
"""That are shown of an estimate; the others would be invented."""


@dataclass(frozen=True)
class Progress:
    """How far a step is."""

    step_id: str
    began: float
    """On a monotonic clock, in seconds."""
    items: int = 0
    """That were worked on."""
    seen: int = 0
    """That were looked at, those left out by a condition included."""
    total: int | None = None
    """That there are; None where that is not known."""
    exact: bool = True
    """Whether `total` is certain."""
    since: int = 0
    """Calls made after `seen` was last told."""

    def after(self, event: Event) -> Progress:
        """The progress after an event of the same step."""
        if event.event == "call_made":
            return self.after_one()
        details = event.details
        return replace(
            self,
            items=int(details.get("items", self.items)),
            seen=int(details.get("seen", self.seen)),
            total=details.get("total"),
            exact=bool(details.get("exact", True)),
            since=0,
        )

    def after_one(self) -> Progress:
        """The progress after one item more."""
        return replace(self, since=self.since + 1)

    @property
    def done(self) -> int:
        """Items that are behind."""
        return self.seen + self.since


def line(progress: Progress, now: float, width: int) -> str:
    """The longest of the forms that fits into `width` characters."""
    forms = list(_forms(progress, max(now - progress.began, 1e-9)))
    return next((form for form in forms if len(form) <= width), forms[-1][: max(width, 0)])


def _forms(progress: Progress, seconds: float) -> Iterator[str]:
    """From the longest to the shortest."""
    name, done = progress.step_id, progress.done
    if not done:
        yield f"{name}  {clock(seconds)}"
        yield name
        return
    rate = f"{done / seconds:,.0f}/s" if done / seconds >= 10 else f"{done / seconds:.1f}/s"
    total = progress.total
    if total is None:
        yield f"{name}  {done:,} items  {rate}  {clock(seconds)}"
        yield f"{name}  {done:,}  {rate}"
    else:
        part = min(done / max(total, 1), 1.0)
        about = "" if progress.exact else "~"
        left = f"{about}{clock((total - done) * seconds / done)} left" if done < total else "ending"
        whole = f"{total:,}" if progress.exact else f"~{_rounded(total):,}"
        for size in BARS:
            bar = "█" * int(part * size) + "░" * (size - int(part * size))
            yield f"{name}  {bar}  {part:.0%}  {done:,} of {whole}  {rate}  {left}"
        yield f"{name}  {part:.0%}  {done:,} of {whole}  {rate}  {left}"
        yield f"{name}  {part:.0%}  {done:,}  {rate}  {left}"
        yield f"{name}  {part:.0%}  {rate}  {left}"
        yield f"{name}  {part:.0%}  {left}"
        yield f"{part:.0%}  {left}"
    yield f"{name}  {done:,}"
    yield f"{done:,}"


def _rounded(number: int) -> int:
    step: int = 10 ** max(len(str(number)) - DIGITS, 0)
    return round(number / step) * step


def clock(seconds: float) -> str:
    """Seconds as 0:07, 12:34 or 1:02:03."""
    whole = int(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"
