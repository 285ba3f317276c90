"""Every error lokki-builder raises on purpose.

    lokki.LokkiError
      BuildError           2
        AslError           2
        TemplateError      2
        PackagingError     2
        LimitError         2

The number is the exit code of the command line. A message reads *where: what. hint.*
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lokki.errors import LokkiError

if TYPE_CHECKING:
    from .limits import Finding


class BuildError(LokkiError):
    """A flow cannot be built as it is written or configured."""

    exit_code = 2


class AslError(BuildError):
    """A definition has faults; all of them are listed."""

    def __init__(self, flow: str, findings: Sequence[str]) -> None:
        super().__init__(_listed(f"the state machine of flow '{flow}'", findings))
        self.flow = flow
        self.findings = tuple(findings)
        """One line each: *state: what. hint.*"""


class TemplateError(BuildError):
    """A template cannot be made from this configuration."""


class PackagingError(BuildError):
    """A flow's files or dependencies cannot be packed."""


class LimitError(BuildError):
    """Something is larger or longer than AWS allows; everything that is, is listed."""

    def __init__(self, flow: str, findings: Sequence[Finding]) -> None:
        super().__init__(_listed(f"flow '{flow}'", [finding.text for finding in findings]))
        self.flow = flow
        self.findings = tuple(findings)


def _listed(what: str, findings: Sequence[str]) -> str:
    count = f"{len(findings)} mistakes" if len(findings) != 1 else "1 mistake"
    return "\n  ".join([f"{what} has {count}:", *findings])
