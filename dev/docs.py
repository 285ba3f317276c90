"""Write the pages of docs/ that are made from the code, or with --check say which are stale.

python dev/docs.py [--check]
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import docs_api
import docs_cli
import docs_config
import docs_limits
from repository import ROOT

DOCS = ROOT / "docs"

NOTE = "<!-- Made by dev/docs.py from the code; change {source}, then run it. -->\n\n"

PAGES: dict[str, tuple[str, Callable[[], str]]] = {
    "api.md": ("docstrings", docs_api.page),
    "cli.md": ("the commands' help", docs_cli.page),
    "configuration.md": ("lokki.config.schema", docs_config.page),
    "limits.md": ("lokki_builder.limits", docs_limits.page),
}
"""{file: (where its text stands, what makes it)}."""


def generated() -> dict[Path, str]:
    """{file: what it should be}."""
    return {DOCS / name: NOTE.format(source=source) + make() for name, (source, make) in PAGES.items()}


def stale() -> list[Path]:
    """The files that are not what they should be."""
    return [file for file, text in generated().items() if not file.exists() or file.read_text(encoding="utf-8") != text]


def main(arguments: list[str]) -> int:
    """Write or check; the exit code."""
    if arguments == ["--check"]:
        found = stale()
        for file in found:
            print(f"{file.relative_to(ROOT)} is stale: run python dev/docs.py")
        return 1 if found else 0
    DOCS.mkdir(exist_ok=True)
    for file, text in generated().items():
        file.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
