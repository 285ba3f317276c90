"""Programs in the background: started once, found again, ended once; they need no engine."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e_support.services import Service, ServiceError


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A server of files."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)]
    made = Service("files", command, f"http://127.0.0.1:{port}/", tmp_path / "state")
    yield made
    made.down()


def test_it_is_started_once_and_ended_once(service: Service) -> None:
    assert not service.answers()
    assert service.up()
    assert service.answers()
    assert not service.up()
    service.down()
    assert not service.answers()
    service.down()


def test_another_process_finds_it(service: Service) -> None:
    """By its pid file, as `down` in another shell does."""
    service.up()
    Service(service.name, service.command, service.health, service.folder).down()
    assert not service.answers()


def test_a_pid_that_was_given_out_again_is_left_alone(service: Service) -> None:
    """This test's own process, written into the pid file, lives on."""
    service.folder.mkdir()
    own = Path("/proc/self/stat").read_text(encoding="utf-8").split()[0]
    (service.folder / "files.pid").write_text(own, encoding="ascii")
    service.down()
    assert service.up()


def test_a_program_that_ends_at_once_shows_its_log(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no room left')"]
    with pytest.raises(ServiceError, match=r"broken does not answer.*\n.*no room left"):
        Service("broken", command, "http://127.0.0.1:9/", tmp_path).up()
    assert not (tmp_path / "broken.pid").exists()


def test_what_it_must_not_see_it_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_MINE", "x")
    script = 'import os; raise SystemExit(f\'{os.environ.get("SECRET_OF_MINE")} {os.environ["GIVEN"]}\')'
    service = Service(
        "told", [sys.executable, "-c", script], "http://127.0.0.1:9/", tmp_path, {"GIVEN": "y"}, ["SECRET_OF_MINE"]
    )
    with pytest.raises(ServiceError, match="None y"):
        service.up()
