"""A flow's own files: its module, what it imports from beside it, and what `include` names."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from lokki.canonical import load_module
from lokki.resolve import Resolved, resolve
from lokki_builder.errors import PackagingError
from lokki_builder.imports import imported_names
from lokki_builder.sources import read_sources

FLOW = """\
from lokki import flow, step
{imports}

@step
def only() -> int:
    return 1

@flow
def {name}():
    return only()
"""

Write = Callable[..., Resolved]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Writes a flow and files beside it, and resolves it; modules are forgotten afterwards."""
    known = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))

    def made(module: str, imports: str = "", **files: str) -> Resolved:
        name = module.replace(".", "_")
        path = tmp_path.joinpath(*module.split(".")).with_suffix(".py")
        for file, content in {
            **files,
            str(path.relative_to(tmp_path)): FLOW.format(imports=imports, name=name),
        }.items():
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file).write_text(content, encoding="utf-8")
        flow: Any = getattr(load_module(module, None if "." in module else str(path)), name)
        return resolve(flow, {})

    yield made
    for name in set(sys.modules) - known:
        del sys.modules[name]


def read(resolved: Resolved, *include: str, build_dir: Path = Path("/nowhere")) -> tuple[dict[str, bytes], list[str]]:
    flow, warnings = read_sources(resolved, include, build_dir)
    return dict(flow.files), warnings


def test_a_flow_alone(write: Write) -> None:
    resolved = write("alone_flow")
    flow, warnings = read_sources(resolved, [], Path("/nowhere"))
    assert (flow.module, flow.file, list(flow.files), warnings) == (
        "alone_flow",
        "alone_flow.py",
        ["alone_flow.py"],
        [],
    )


def test_modules_beside_it_come_along_as_far_as_they_are_imported(write: Write) -> None:
    resolved = write(
        "with_modules_flow",
        "import helper_one\nfrom tools_one import deep",
        **{
            "helper_one.py": "import json\nimport tools_one.other\n",
            "tools_one/__init__.py": "",
            "tools_one/deep.py": "from . import sibling\nfrom .other import x\n",
            "tools_one/sibling.py": "",
            "tools_one/other.py": "x = 1\n",
            "tools_one/unused.py": "",
            "unused_one.py": "",
        },
    )
    assert list(read(resolved)[0]) == [
        "helper_one.py",
        "tools_one/__init__.py",
        "tools_one/deep.py",
        "tools_one/other.py",
        "tools_one/sibling.py",
        "with_modules_flow.py",
    ]


def test_a_flow_in_a_package_keeps_its_place(write: Write) -> None:
    resolved = write("pack_one.packed_flow", **{"pack_one/__init__.py": "", "pack_one/data.txt": "1"})
    flow, _ = read_sources(resolved, ["data.txt"], Path("/nowhere"))
    assert (flow.module, flow.file) == ("pack_one.packed_flow", "pack_one/packed_flow.py")
    assert list(flow.files) == ["pack_one/__init__.py", "pack_one/data.txt", "pack_one/packed_flow.py"]


def test_globs_and_folders(write: Write, tmp_path: Path) -> None:
    files = {"data/a.csv": "a", "data/b/c.csv": "c", "data/__pycache__/x.pyc": "", "lokki-build/data/d.csv": "d"}
    resolved = write("globs_flow", **files)
    build_dir = tmp_path / "lokki-build"
    found, warnings = read(resolved, "data", "**/*.csv", "none/*.txt", build_dir=build_dir)
    assert list(found) == ["data/a.csv", "data/b/c.csv", "globs_flow.py"]
    assert warnings == ["include.paths: 'none/*.txt' matches no file beside globs_flow.py"]


def test_modes_are_kept(write: Write, tmp_path: Path) -> None:
    resolved = write("modes_flow", **{"run.sh": "#!/bin/sh\n"})
    (tmp_path / "run.sh").chmod(0o755)
    (tmp_path / "modes_flow.py").chmod(0o755)
    flow, _ = read_sources(resolved, ["run.sh"], Path("/nowhere"))
    assert flow.executable == {"run.sh"}


@pytest.mark.parametrize("pattern", ["../secret", "/etc/passwd", "a/../../b"])
def test_globs_that_lead_out_are_refused(write: Write, pattern: str) -> None:
    with pytest.raises(PackagingError, match="leads out of the flow's folder"):
        read(write("out_flow"), pattern)


def test_a_flow_that_is_in_no_file(write: Write, tmp_path: Path) -> None:
    resolved = write("gone_flow")
    (tmp_path / "gone_flow.py").unlink()
    with pytest.raises(PackagingError, match="it is not in a file"):
        read(resolved)


def test_a_file_that_cannot_be_read(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    resolved = write("unreadable_flow", **{"data.txt": "1"})
    reading = Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path.name == "data.txt":
            raise PermissionError(13, "Permission denied")
        return reading(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(PackagingError, match="cannot be read"):
        read(resolved, "data.txt")


@pytest.mark.parametrize(
    ("source", "package", "names"),
    [
        (b"import a.b, c", "", {"a.b", "c"}),
        (b"from a import b", "", {"a", "a.b"}),
        (b"from . import b", "p.q", {"p.q", "p.q.b"}),
        (b"from ..r import b", "p.q", {"p.r", "p.r.b"}),
        (b"from . import b", "", {"b"}),
        (b"def f():\n    import late\n", "", {"late"}),
        (b"this is no Python", "", set()),
        (b"\0", "", set()),
    ],
)
def test_names_in_sources(source: bytes, package: str, names: set[str]) -> None:
    assert imported_names(source, package) == names
