"""Placeholders, options, the registry, the boundary and what is printed, each by itself."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from datetime import date, datetime
from enum import Enum
from importlib.metadata import entry_points
from typing import Annotated, Any, Literal, NoReturn, Optional

import click
import pytest
from click.testing import CliRunner
from lokki import flow, step
from lokki.decorators import Flow
from lokki.errors import LokkiError
from lokki.resolve import flow_params
from lokki_cli import app, boundary, errors, registry, ui
from lokki_cli.commands.build import build
from lokki_cli.context import FlowContext, pass_flow
from lokki_cli.flowcommand import FlowCommand
from lokki_cli.placeholders import placeholder, placeholders

from .cloud.terminal import Terminal
from .conftest import BIRDS, Folder


class Colour(Enum):
    RED = "r"
    BLUE = "b"


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (int, 1),
        (float, 1.0),
        (bool, False),
        (str, ""),
        (list, []),
        (list[int], []),
        (dict, {}),
        (dict[str, int], {}),
        (date, date(2000, 1, 1)),
        (datetime, datetime(2000, 1, 1)),  # noqa: DTZ001  # as annotated
        (Colour, Colour.RED),
        (Literal["a", "b"], "a"),
        (Optional[int], 1),  # noqa: UP045  # both spellings
        (None | date, date(2000, 1, 1)),
        (int | str, 1),
        (Annotated[int, "positive"], 1),
        (Any, ""),
    ],
)
def test_placeholders_are_made_from_annotations(annotation: Any, value: object) -> None:
    made = placeholder(annotation)
    assert (made, type(made)) == (value, type(value))


def test_placeholders_share_nothing() -> None:
    assert placeholder(list) is not placeholder(list)


@step
def make(day: object) -> object:
    return day


@flow
def typed_flow(day: date, colour: Colour, anything, limit: int = 5, fast: bool = True, env: str = "") -> Any:  # type: ignore[no-untyped-def]  # as authors leave it out
    """Try every kind."""
    return make(day)


def test_only_what_is_required_and_not_given_is_made_up() -> None:
    made = placeholders(typed_flow, flow_params(typed_flow), {"day": date(2026, 1, 1)})
    assert made == {"colour": Colour.RED, "anything": ""}


@click.command(cls=FlowCommand, takes_parameters=True)
@click.option("--env")
@click.pass_obj
def show(context: FlowContext, env: str | None) -> int:
    """Show what is given."""
    assert context.given is not None
    click.echo(f"{env} {context.given.values}")
    return 0


def given(*words: str, of: Flow[Any] = typed_flow) -> str:
    done = CliRunner().invoke(show, [*words], obj=FlowContext(of), standalone_mode=False)
    if done.exception:
        raise done.exception
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("words", "values"),
    [
        ("", "None {}"),
        ("--limit 7", "None {'limit': 7}"),
        ("--limit=-7 --colour b", "None {'limit': -7, 'colour': <Colour.BLUE: 'b'>}"),
        ("--limit -7", "None {'limit': -7}"),
        ("--fast", "None {'fast': True}"),
        ("--fast no", "None {'fast': False}"),
        ("--fast=no", "None {'fast': False}"),
        ("--no-fast", "None {'fast': False}"),
        ("--fast --limit 1", "None {'fast': True, 'limit': 1}"),
        ("--env dev", "dev {}"),
        ("--env dev --param env=prod", "dev {'env': 'prod'}"),
        ("--limit 1 --param limit=2", "None {'limit': 2}"),
        ("--anything a=b", "None {'anything': 'a=b'}"),
        ("--day 2026-01-01", "None {'day': datetime.date(2026, 1, 1)}"),
    ],
)
def test_parameters_as_options(words: str, values: str) -> None:
    found = given(*words.split())
    assert sorted(re.findall(r"'\w+': [^,}]+", found)) == sorted(re.findall(r"'\w+': [^,}]+", values))
    assert found.split()[0] == values.split()[0]


def test_help_of_parameters() -> None:
    text = given("--help")
    options, parameters = text.split("Parameters of the flow:")
    assert "--env" in options
    assert "--env" not in parameters
    assert re.search(r"--limit VALUE +int \(default: 5\)", parameters)
    assert re.search(r"--day VALUE +date \(YYYY-MM-DD\) \(required\)", parameters)
    assert "--no-fast" not in parameters
    assert "--params FILE" in parameters


def test_a_command_that_takes_no_parameters() -> None:
    @click.command(cls=FlowCommand)
    @pass_flow
    def name(context: FlowContext) -> int:
        assert context.given is None
        return len(context.flow.name)

    settings: dict[str, Any] = {"obj": FlowContext(typed_flow), "standalone_mode": False}
    assert CliRunner().invoke(name, [], **settings).return_value == len("typed-flow")
    assert "No such option" in str(CliRunner().invoke(name, ["--limit", "5"], **settings).exception)
    assert "Parameters" not in CliRunner().invoke(name, ["--help"], **settings).stdout


@flow
def odd_flow(x: bool = False, no_x: bool = False, begin_date: str = "") -> Any:
    """Have names that are nearly others."""
    return make(x)


def test_parameters_that_are_each_others_opposite() -> None:
    assert given("--no-x", of=odd_flow) == "None {'no_x': True}"
    assert given("--no-no-x", of=odd_flow) == "None {'no_x': False}"


@pytest.mark.parametrize("option", ["--begin-date", "--begin_date"])
def test_underscores_and_hyphens(option: str) -> None:
    assert given(option, "a", of=odd_flow) == "None {'begin_date': 'a'}"


def test_every_command_has_a_line_and_help() -> None:
    points = {point.name: point for point in entry_points(group=registry.COMMANDS)}
    assert [name for name in registry.names() if name in registry.SUMMARIES] == list(registry.SUMMARIES)
    for name in registry.SUMMARIES:
        assert points[name].value.startswith("lokki_cli.commands.")
        command = registry.load(name)
        assert command is not None
        assert command.name == name
        assert command.help
        done = CliRunner().invoke(app.commands, [name, "--help"])
        assert done.exit_code == 0
        assert "Examples:" in done.stdout


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[None]:
    """Packages that bring commands along, some of them broken."""
    info = tmp_path / "plugins-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugins\nVersion: 1\n")
    (tmp_path / "plugin_code.py").write_text(
        "import click\nno_command = 3\n"
        "hello = click.Command('hello', help='Say hello. And more.', callback=lambda: 4)\n"
    )
    (tmp_path / "plugin_lacking.py").write_text("import package_that_is_not_there\n")
    (info / "entry_points.txt").write_text(
        "[lokki.commands]\nhello = plugin_code:hello\nodd = plugin_code:no_command\ngone = plugin_code:gone\n"
        "lacking = plugin_lacking:command\nbuild = plugin_code:hello\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("plugin_code", None)


@pytest.mark.usefixtures("plugins")
def test_other_packages_bring_commands_along() -> None:
    assert registry.names() == [*registry.SUMMARIES, "gone", "hello", "lacking", "odd"]
    assert registry.summary("hello") == "Say hello."
    assert app.invoke(["hello"], "lokki", None) == 4
    assert registry.load("build") is build  # nobody replaces one of ours
    assert registry.load("nothing") is None
    done = CliRunner().invoke(app.commands, ["--help"])
    assert done.exit_code == 0
    assert re.search(r"hello +Say hello\.", done.stdout)
    assert "is no click.Command" in done.stdout


@pytest.mark.usefixtures("plugins")
@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("lacking", 2, "the command 'lacking' needs the package package_that_is_not_there."),
        ("gone", 1, "the command 'gone' (plugin_code:gone) cannot be loaded:"),
        ("odd", 1, "the command 'odd' (plugin_code:no_command) is no click.Command."),
    ],
)
def test_broken_commands(name: str, code: int, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert app.invoke([name], "lokki", None) == code
    assert f"error: {message}" in capsys.readouterr().err


def raising(error: BaseException) -> Any:
    def action() -> NoReturn:
        raise error

    return action


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (click.Abort(), 130, "interrupted.\n"),
        (click.UsageError("Bad thing"), 2, "error: bad thing.\n"),
        (click.BadParameter("Bad thing."), 2, "error: invalid value: Bad thing.\n"),
        (errors.OperationError("it failed.", hint="Look."), 1, "error: it failed. Look.\n"),
        (errors.CommandLineError("what?"), 2, "error: what?\n"),
        (KeyboardInterrupt(), 130, "interrupted.\n"),
        (ValueError("x"), 3, "lokki has a bug: ValueError: x\nPlease report it with the output of --debug.\n"),
    ],
)
def test_errors_become_text_and_exit_codes(
    error: BaseException, code: int, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert boundary.run(raising(error), debug=False) == code
    assert capsys.readouterr() == ("", text)


def test_the_tree_of_errors_is_drawn() -> None:
    drawn = re.findall(r"^ {4,}(\w+Error) +(\d)$", errors.__doc__ or "", re.MULTILINE)
    classes: dict[str, type[LokkiError]] = {
        name: value
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, LokkiError) and value.__module__ == errors.__name__
    }
    assert {name: int(code) for name, code in drawn} == {name: kind.exit_code for name, kind in classes.items()}
    assert not any(issubclass(kind, click.ClickException) for kind in classes.values())
    indents = re.findall(r"^( {4,})(\w+Error)", errors.__doc__ or "", re.MULTILINE)
    parents: list[tuple[int, type]] = [(4, LokkiError)]
    for indent, name in indents:
        depth = len(indent)
        parents = [parent for parent in parents if parent[0] < depth]
        assert classes[name].__bases__ == (parents[-1][1],)
        parents.append((depth, classes[name]))


def test_a_terminal_sees_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"TERM": "xterm", "COLUMNS": "60"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NO_COLOR", raising=False)
    out, err = Terminal(), Terminal()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    ui.lines(["flow [bold]x", "  lambdas/  " + "word " * 20])
    ui.warnings(["look [here]"])
    assert "\x1b[1mflow [bold]x\x1b[0m\n" in out.getvalue()
    assert all(len(line) <= 60 for line in out.getvalue().splitlines()[1:])
    assert "\x1b[33mwarning: look [here]\x1b[0m\n" in err.getvalue()


def test_no_colour_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    out = Terminal()
    monkeypatch.setattr(sys, "stdout", out)
    ui.lines(["flow x", "  a  b"])
    assert "\x1b[3" not in out.getvalue()
    assert "flow x" in out.getvalue()


def test_lines_wrap_below_their_second_column() -> None:
    text = ["  lambdas/    one two three four", "  map x: one two three four five", "", "plain"]
    assert ui.wrapped(text, 40) == ["  lambdas/    one two three four", "  map x: one two three four five", "", "plain"]
    long = ["  lambdas/    one two three four five six seven eight", "  map x: one two three four five six seven eight"]
    assert ui.wrapped(long, 40) == [
        "  lambdas/    one two three four five",
        "              six seven eight",
        "  map x: one two three four five six",
        "    seven eight",
    ]


def test_sys_argv_is_restored(here: Folder) -> None:
    here.write(BIRDS)
    before = list(sys.argv)
    assert app.invoke(["run", "birds_flow.py", "--store", "memory"], "lokki", None) == 0
    assert sys.argv == before


def test_the_front_end_takes_words(here: Folder, capfd: pytest.CaptureFixture[str]) -> None:
    assert app.frontend(typed_flow, ["show-nothing"]) == 2
    assert "there is no command 'show-nothing'" in capfd.readouterr().err


def test_main_ends_the_process(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["/x/__main__.py", "--nonsense"])
    with pytest.raises(SystemExit) as end:
        app.main()
    assert end.value.code == 2
    assert "See: python -m lokki_cli --help" in capfd.readouterr().err
