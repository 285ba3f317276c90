"""Where errors become text and exit codes."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
from lokki.boundary import end_process, explain, guarded, write_out
from lokki.canonical import load_module
from lokki.errors import (
    ConfigError,
    FlowDefinitionError,
    LokkiError,
    MapFailedError,
    ParamError,
    StepFailedError,
)
from lokki.failure import ItemFailure
from lokki.params import Param, param_type
from lokki.resolve import resolve

from .conftest import STEPS, Source

Script = Callable[..., subprocess.CompletedProcess[str]]


def raising(error: BaseException) -> Callable[[], int]:
    def action() -> NoReturn:
        raise error

    return action


Capture = pytest.CaptureFixture[str]


def test_what_goes_well_says_nothing(capsys: Capture) -> None:
    assert guarded(lambda: 0, debug=False) == 0
    assert guarded(lambda: 7, debug=True) == 7
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (LokkiError("the run failed.", hint="Look."), 1, "error: the run failed. Look.\n"),
        (ParamError("parameter 'n': 'x' is not int."), 2, "error: parameter 'n': 'x' is not int.\n"),
        (KeyboardInterrupt(), 130, "interrupted.\n"),
        (BrokenPipeError(), 1, ""),
        (
            ZeroDivisionError("division by zero"),
            3,
            "lokki has a bug: ZeroDivisionError: division by zero\nPlease report it with the output of --debug.\n",
        ),
    ],
)
def test_errors_become_text_and_an_exit_code(error: BaseException, code: int, text: str, capsys: Capture) -> None:
    assert guarded(raising(error), debug=False) == code
    assert capsys.readouterr() == ("", text)


@pytest.mark.parametrize(("error", "shown"), [(LokkiError("x"), 1), (ValueError("x"), 1), (KeyboardInterrupt(), 0)])
def test_debug_shows_lokki_s_own_traceback(error: BaseException, shown: int, capsys: Capture) -> None:
    guarded(raising(error), debug=True)
    text = capsys.readouterr().err
    assert text.count("Traceback (most recent call last)") == shown
    assert ("in guarded" in text) is bool(shown)


def test_an_exit_passes_through() -> None:
    with pytest.raises(SystemExit, match="2"):
        guarded(raising(SystemExit(2)), debug=False)


@pytest.mark.parametrize(("error", "code"), [(LokkiError("x"), 1), (KeyboardInterrupt(), 130)])
def test_it_is_said_how_to_go_on(error: BaseException, code: int, capsys: Capture) -> None:
    hint = "Go on with: python shop.py run --resume r1"
    assert guarded(raising(error), debug=False, resume_hint=lambda: hint) == code
    assert capsys.readouterr().err.splitlines()[-1] == hint


def test_a_failed_step_shows_the_author_s_traceback() -> None:
    failed = StepFailedError("step 's' failed.", flow="f", step="s", traceback="Traceback:\n  File birds.py\n")
    failed.__cause__ = ValueError("x")
    assert explain(failed) == "error: step 's' failed.\nTraceback:\n  File birds.py"


def test_a_failed_map_shows_that_of_its_first_item() -> None:
    failures = [ItemFailure(2, "A", "a", "Traceback of 2\n"), ItemFailure(5, "B", "b", "Traceback of 5\n")]
    failed = MapFailedError("2 of 9 items failed.", flow="f", step="s", failures=failures, total=9)
    assert explain(failed) == "error: 2 of 9 items failed.\nTraceback of 2"
    assert explain(MapFailedError("x.", flow="f", step="s", failures=[], total=9)) == "error: x."


def test_a_flow_body_that_failed_shows_its_own_lines_alone(source: Callable[..., Source]) -> None:
    file = source("\ndef broken():\n    return {}['key']\n\n@flow\ndef shop():\n    return broken()\n", head=STEPS)
    module = file.load()
    with pytest.raises(FlowDefinitionError) as caught:
        resolve(module.shop, {})
    lines = explain(caught.value).splitlines()
    assert lines[0] == f"error: {file.line('@flow')}: the body of flow 'shop' raised KeyError: 'key'."
    assert lines[1] == "Traceback (most recent call last):"
    assert [line.split('"')[1] for line in lines if line.startswith("  File ")] == [str(file.path)] * 2
    assert lines[-1] == "KeyError: 'key'"


def test_other_wrong_input_shows_no_traceback(tmp_path: Path) -> None:
    """Not even where a parser of Python's own raised the first error."""
    kind = param_type(list)
    assert kind is not None
    with pytest.raises(ParamError) as caught:
        Param("p", kind).text("[1")
    assert caught.value.__cause__ is not None
    assert explain(caught.value) == "error: parameter 'p': '[1' is not list (as JSON)."
    wrong = ConfigError("it is not TOML.", key="lokki.toml")
    wrong.__cause__ = caught.value.__cause__
    assert explain(wrong) == "error: lokki.toml: it is not TOML."


def test_a_definition_error_without_the_author_s_code_shows_no_traceback() -> None:
    with pytest.raises(FlowDefinitionError) as caught:
        load_module("no_such_flow", None)
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)
    assert explain(caught.value) == "error: the flow module 'no_such_flow' was not found (no file is known)."


class Full(io.StringIO):
    def flush(self) -> None:
        raise OSError(28, "No space left on device")


class Closed(io.StringIO):
    def flush(self) -> None:
        raise BrokenPipeError


def test_results_are_written_at_once(capsys: Capture) -> None:
    write_out("flappy goose\n")
    assert capsys.readouterr() == ("flappy goose\n", "")


def test_text_that_a_stream_cannot_encode_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(written, encoding="ascii"))
    write_out("höyhen\n")
    assert written.getvalue() == b"h\\xf6yhen\n"


def test_a_stream_that_cannot_be_written_to_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", Full())
    with pytest.raises(LokkiError, match=r"\Astdout cannot be written to: No space left on device\.\Z"):
        write_out("x")
    monkeypatch.setattr("sys.stdout", Closed())
    with pytest.raises(BrokenPipeError):
        write_out("x")


@pytest.mark.parametrize("code", [0, 2])
def test_a_process_ends_with_its_code(code: int) -> None:
    with pytest.raises(SystemExit) as caught:
        end_process(code)
    assert caught.value.code == code


ENDING = """
import atexit, sys, threading, time
from lokki.boundary import end_process
atexit.register(print, "what is done at the end")
threading.Thread(target=time.sleep, args=({takes_s},), name="lokki-worker-0", daemon=True).start()
end_process(4)
"""


@pytest.mark.parametrize(("takes_s", "out"), [(0.02, "what is done at the end\n"), (1000, "")])
def test_only_a_worker_inside_a_step_ends_the_process_by_force(script: Script, takes_s: float, out: str) -> None:
    """A worker may still be on its way out when the result has been printed."""
    done = script("-c", ENDING.format(takes_s=takes_s))
    assert (done.returncode, done.stdout) == (4, out), done.stderr
