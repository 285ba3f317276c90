"""Look for known vulnerabilities in everything the packages install.

Resolves dev/packages.txt to exact versions without installing them, and asks pip-audit about each. Exit codes:

    0  every dependency was looked up and none is vulnerable
    0  with a banner: the audit service did not answer for some or all; with AUDIT_STRICT=1 this is 2
    1  a vulnerability is known
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repository import ROOT, packages

BANNER = "!" * 78


@dataclass(frozen=True)
class Verdict:
    """What an audit found."""

    audited: tuple[str, ...]
    """`name==version` of what was looked up."""

    vulnerable: tuple[str, ...]
    """One line for each vulnerability."""

    unknown: tuple[str, ...]
    """One line for each dependency that was not looked up, with the reason."""


def resolve() -> list[str]:
    """`name==version` of each third-party distribution that installing the packages brings, sorted."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pip", "install", "-qq", "--dry-run", "--ignore-installed"]
        command += ["--no-build-isolation", "--report", str(report), "-r", "dev/packages.txt"]
        subprocess.run(command, cwd=ROOT, check=True)
        entries = json.loads(report.read_text(encoding="utf-8"))["install"]
    own = {package.dist for package in packages()}
    found = [(entry["metadata"]["name"], entry["metadata"]["version"]) for entry in entries]
    return sorted(f"{name}=={version}" for name, version in found if name not in own)


def read_answer(answer: dict[str, Any]) -> Verdict:
    """Sort pip-audit's JSON answer into what is known, what is vulnerable and what nobody looked at."""
    audited, vulnerable, unknown = [], [], []
    for dependency in answer["dependencies"]:
        if "skip_reason" in dependency:
            unknown.append(f"{dependency['name']}: {dependency['skip_reason']}")
            continue
        name = f"{dependency['name']}=={dependency['version']}"
        audited.append(name)
        for finding in dependency["vulns"]:
            fixed = ", ".join(finding.get("fix_versions", [])) or "no release yet"
            vulnerable.append(f"{name}: {finding['id']}, fixed in {fixed}")
    return Verdict(tuple(audited), tuple(vulnerable), tuple(unknown))


def ask(requirements: list[str], *, module: str = "pip_audit") -> Verdict:
    """Ask pip-audit, run as `module`, about `requirements`; a service that does not answer makes them unknown."""
    with tempfile.TemporaryDirectory() as folder:
        pins = Path(folder) / "pins.txt"
        pins.write_text("\n".join(requirements) + "\n", encoding="utf-8")
        command = [sys.executable, "-m", module, "--requirement", str(pins), "--no-deps", "--disable-pip"]
        command += ["--format", "json", "--progress-spinner", "off", "--timeout", "20"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        return read_answer(json.loads(done.stdout))
    except (ValueError, KeyError):
        reason = (done.stderr.strip().splitlines() or ["pip-audit said nothing"])[-1][:200]
        print(f"audit: pip-audit failed: {reason}")
        return Verdict((), (), tuple(f"{requirement}: pip-audit failed" for requirement in requirements))


def conclude(verdict: Verdict, *, strict: bool) -> int:
    """Print the verdict; the exit code."""
    print(
        f"audit: looked up {len(verdict.audited)}, vulnerable {len(verdict.vulnerable)}, unknown {len(verdict.unknown)}"
    )
    for line in (*verdict.audited, *verdict.vulnerable):
        print(f"  {line}")
    if verdict.unknown:
        title = f"NOT AUDITED: the audit service gave no answer for {len(verdict.unknown)} dependencies"
        print("\n".join([BANNER, title, *(f"  {line}" for line in verdict.unknown), BANNER]))
    if verdict.vulnerable:
        return 1
    return 2 if verdict.unknown and strict else 0


def main() -> int:
    requirements = resolve()
    if not requirements:
        print("audit: the packages install nothing of third parties")
        return 0
    return conclude(ask(requirements), strict=bool(os.environ.get("AUDIT_STRICT")))


if __name__ == "__main__":
    sys.exit(main())
