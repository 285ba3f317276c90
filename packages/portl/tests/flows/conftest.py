"""The two flows, each in a world of its own."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from databases import ServerPlace
from pytest_httpserver import HTTPServer
from world import World, set_up


@pytest.fixture
def flow_a(tmp_path: Path, server_place: ServerPlace, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> World:
    """Flow A and what it talks to; the function answers with the md5 of what it gets."""
    world = set_up("flow_a", tmp_path, server_place, httpserver, monkeypatch)
    world.answer = lambda payload: {
        "md5": hashlib.md5(json.dumps(payload, sort_keys=True).encode(), usedforsecurity=False).hexdigest(),
        "labels": [{"name": payload["code"]}, {"name": "csv"}],
    }
    return world


@pytest.fixture
def flow_b(tmp_path: Path, server_place: ServerPlace, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> World:
    """Flow B and what it talks to; the function answers with two resources."""
    world = set_up("flow_b", tmp_path, server_place, httpserver, monkeypatch)
    items = [
        {"code": "L/1", "source": "api", "name": "One"},
        {"code": "L 2", "source": "api", "name": "Two {{ not a template }}"},
    ]
    world.answer = lambda payload: {"items": items}
    return world
