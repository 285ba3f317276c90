"""Read a release tag, `<dist>-v<version>`, and refuse it unless the repository is ready for that release.

    python dev/release_tag.py lokki-core-v0.1.0 >> "$GITHUB_OUTPUT"

prints `dist=`, `version=` and `folder=` lines. Exit code 2 with the reasons when the tag names no package, its version
is not the one in `__about__.py`, news fragments are left over, or the changelog has no section for it.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from repository import ROOT, Package, RepositoryError, select

_TAG = re.compile(r"(?P<dist>[a-z][a-z0-9-]*)-v(?P<version>[0-9][0-9A-Za-z.+!]*)")


def parse(tag: str) -> tuple[str, str]:
    """The distribution and the version a tag names."""
    match = _TAG.fullmatch(tag)
    if match is None:
        raise RepositoryError(f"'{tag}' is not a release tag. It has to read <dist>-v<version>, as lokki-core-v0.1.0.")
    return match["dist"], match["version"]


def objections(package: Package, version: str) -> list[str]:
    """Why `package` may not be released as `version`; empty when it may."""
    found = []
    if package.version != version:
        found.append(f"the tag says {version}, {package.import_folder.name}/__about__.py says {package.version}")
    if package.fragments:
        found.append(f"changelog.d still holds {', '.join(package.fragments)}")
    changelog = (package.folder / "CHANGELOG.md").read_text(encoding="utf-8")
    if not re.search(rf"^## {re.escape(version)} ", changelog, re.MULTILINE):
        found.append(f"CHANGELOG.md has no section for {version}")
    return found


def read(tag: str, root: Path = ROOT) -> dict[str, str]:
    """`dist`, `version` and `folder` of the release that `tag` starts."""
    dist, version = parse(tag)
    (package,) = select([dist], root)
    found = objections(package, version)
    if found:
        raise RepositoryError(f"{tag} cannot be released: {'; '.join(found)}.")
    return {"dist": dist, "version": version, "folder": package.folder.relative_to(root).as_posix()}


def main(arguments: list[str]) -> int:
    try:
        if len(arguments) != 1:
            raise RepositoryError("expected one argument, the tag.")
        facts = read(arguments[0])
    except RepositoryError as error:
        print(f"release: {error}", file=sys.stderr)
        return 2
    print("\n".join(f"{key}={value}" for key, value in facts.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
