"""What users may import, and what importing it brings along."""

from __future__ import annotations

import importlib
import subprocess
from collections.abc import Callable

import lokki
import pytest

Script = Callable[..., subprocess.CompletedProcess[str]]

NAMES = """
FlowGraph ItemFailure LokkiError RetryConfig Run __version__ flow main run step
""".split()

PATHS = """
lokki.FlowGraph lokki.ItemFailure lokki.LokkiError lokki.RetryConfig lokki.Run lokki.flow lokki.main
lokki.run lokki.step
lokki.decorators.RetryConfig
lokki.graph.FlowGraph lokki.graph.TaskEntry lokki.graph.MapOpenEntry lokki.graph.MapCloseEntry
lokki.store.TransientStore lokki.store.LocalStore lokki.store.MemoryStore
lokki.store.s3.S3Store
lokki.config.load_config
""".split()

TOO_SLOW = """
argparse asyncio concurrent.futures dataclasses hashlib importlib.metadata inspect logging multiprocessing pathlib
socket subprocess threading tomllib yaml isal obstore boto3
lokki.boundary lokki.commands lokki.config lokki.invoke lokki.params lokki.resolve lokki.runner lokki.store lokki._main
""".split()


def test_all_is_what_was_agreed_on() -> None:
    assert sorted(lokki.__all__) == sorted(NAMES)
    assert len(set(lokki.__all__)) == len(lokki.__all__)


@pytest.mark.parametrize("path", PATHS)
def test_public_paths_resolve(path: str) -> None:
    module, _, name = path.rpartition(".")
    assert getattr(importlib.import_module(module), name) is not None


def test_star_brings_all() -> None:
    space: dict[str, object] = {}
    exec("from lokki import *", space)  # noqa: S102  # the statement is what is tested
    assert set(NAMES) <= set(space)


def test_one_class_goes_by_two_paths() -> None:
    assert lokki.decorators.RetryConfig is lokki.RetryConfig is lokki.retry.RetryConfig
    assert lokki.graph.FlowGraph is lokki.FlowGraph


def test_other_names_are_refused() -> None:
    with pytest.raises(AttributeError, match="module 'lokki' has no attribute 'nope'"):
        lokki.nope  # noqa: B018  # what is tested


def test_the_version_is_the_package_s() -> None:
    from lokki.__about__ import __version__

    assert lokki.__version__ == __version__


def test_importing_lokki_imports_nothing_slow(script: Script) -> None:
    """Import time is a budget; these modules alone would break it."""
    done = script("-S", "-c", "import sys, lokki; print(*sys.modules)")
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert "lokki.decorators" in loaded
    assert loaded.isdisjoint(TOO_SLOW), loaded & set(TOO_SLOW)


def test_stores_are_imported_without_their_clients(script: Script) -> None:
    done = script("-S", "-c", "import sys, lokki.store, lokki.config; print(*sys.modules)")
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()).isdisjoint(["obstore", "boto3", "lokki.store.s3", "lokki.runner", "argparse"])
