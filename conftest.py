"""What holds for every test of the repository: the hypothesis profile, and that a skip is a failure in CI."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import TypeVar

import pytest
from hypothesis import settings

ReportT = TypeVar("ReportT", pytest.TestReport, pytest.CollectReport)

IN_CI = bool(os.environ.get("CI"))

# Time limits of examples say nothing on a shared machine; in CI the same examples are tried each time.
settings.register_profile("lokki", deadline=None, derandomize=IN_CI, print_blob=True)
settings.load_profile("lokki")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--fail-on-skip",
        action="store_true",
        default=IN_CI,
        help="count a skipped test as failed; on when the environment variable CI is set",
    )


def _skip_is_failure(report: ReportT, config: pytest.Config) -> ReportT:
    """Turn a skip into a failure that keeps the skip's reason; expected failures stay what they are."""
    if report.skipped and not hasattr(report, "wasxfail") and config.getoption("--fail-on-skip"):
        reason = report.longrepr[-1] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"A skipped test counts as failed here (--fail-on-skip). {reason}"
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _skip_is_failure((yield), item.config)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _skip_is_failure((yield), collector.config)
