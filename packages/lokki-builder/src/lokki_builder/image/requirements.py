"""Requirements files: what a flow's image installs, without what its base brings.

Input: text as `uv export` writes it, or lines of a pyproject.toml. Output: text. Pure.
"""

from __future__ import annotations

import re

OWN = frozenset(["lokki-core", "lokki-runtime", "lokki-builder", "lokki-cli"])
"""lokki itself, which the base image brings."""

SECRETS_REQUIREMENTS = """\
boto3==1.44.5
botocore==1.44.5
jmespath==1.1.0
python-dateutil==2.9.0.post0
s3transfer==0.19.3
six==1.17.0
urllib3==2.8.0
"""
"""All the runtime needs to fetch secrets. Lambda's zip runtimes bring it, and Batch has a way of its own."""

_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")


def clean(text: str) -> str:
    """`text` without lokki, comments, options and empty lines, a requirement a block, sorted by name.

    Options are what names indexes; a build takes those from the machine it runs on.
    """
    blocks = [block for block in _blocks(text) if normalized(_name(block)) not in OWN]
    return "".join(f"{block}\n" for block in sorted(blocks, key=lambda block: (normalized(_name(block)), block)))


def names(text: str) -> set[str]:
    """Normalized names of what `text` requires."""
    return {normalized(_name(block)) for block in _blocks(text)}


def local_paths(text: str) -> list[str]:
    """Requirements that are folders or files of the machine that wrote `text`, as a lock of a workspace has them."""
    return [line.strip() for line in text.splitlines() if re.match(r"\s*(-e\b|--editable\b|\.{0,2}/|file:)", line)]


def normalized(name: str) -> str:
    """A project's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _blocks(text: str) -> list[str]:
    """Each requirement with its lines of hashes."""
    joined = re.sub(r"\\\n\s*", "\\\n    ", re.sub(r"(^|\s)#.*", r"\1", text))
    logical = re.split(r"(?<!\\)\n", joined)
    return [block.strip() for block in logical if _NAME.match(block)]


def _name(block: str) -> str:
    match = _NAME.match(block)
    return match[1] if match else ""
