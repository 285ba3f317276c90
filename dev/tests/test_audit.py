"""What the audit concludes from pip-audit's answer."""

from __future__ import annotations

import audit
import pytest

CLEAN = {"name": "sound", "version": "1.0", "vulns": []}
HOLED = {"name": "holed", "version": "2.0", "vulns": [{"id": "CVE-1", "fix_versions": ["2.1"]}, {"id": "CVE-2"}]}
SKIPPED = {"name": "unseen", "skip_reason": "not found"}


def test_an_answer_is_sorted() -> None:
    verdict = audit.read_answer({"dependencies": [CLEAN, HOLED, SKIPPED]})
    assert verdict.audited == ("sound==1.0", "holed==2.0")
    assert verdict.vulnerable == ("holed==2.0: CVE-1, fixed in 2.1", "holed==2.0: CVE-2, fixed in no release yet")
    assert verdict.unknown == ("unseen: not found",)


@pytest.mark.parametrize(
    ("dependencies", "strict", "code"),
    [
        ([CLEAN], False, 0),
        ([CLEAN], True, 0),
        ([CLEAN, SKIPPED], False, 0),
        ([CLEAN, SKIPPED], True, 2),
        ([HOLED], False, 1),
        ([HOLED, SKIPPED], True, 1),
    ],
)
def test_exit_code(dependencies: list[object], strict: bool, code: int) -> None:
    assert audit.conclude(audit.read_answer({"dependencies": dependencies}), strict=strict) == code


def test_what_was_not_looked_up_is_loud(capsys: pytest.CaptureFixture[str]) -> None:
    audit.conclude(audit.read_answer({"dependencies": [SKIPPED]}), strict=False)
    printed = capsys.readouterr().out
    assert audit.BANNER in printed
    assert "NOT AUDITED" in printed
    assert "unseen: not found" in printed


def test_no_answer_leaves_everything_unknown() -> None:
    verdict = audit.ask(["sound==1.0"], module="no_such_module")
    assert verdict.audited == ()
    assert len(verdict.unknown) == 1
    assert verdict.unknown[0].startswith("sound==1.0: ")
