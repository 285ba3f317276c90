"""The one module name a flow file is known by: what a script makes can be read by every other process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from lokki import FlowGraph, flow, step
from lokki.canonical import adopt, adopt_main, canonical_module, find_flow, find_step, load_module
from lokki.decorators import Flow
from lokki.errors import FlowDefinitionError

from .conftest import Source

MakeSource = Callable[..., Source]
Script = Callable[..., subprocess.CompletedProcess[str]]

KITCHEN = '''
import pickle
import sys
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from lokki import flow, main, step


@dataclass
class Point:
    x: int

    class Part:
        def __eq__(self, other):
            return type(other) is type(self)

    class Kind(Enum):
        SHARP = 1


class Mode(Enum):
    FAST = 1


class Pair(NamedTuple):
    a: int
    b: Point


class Stale(Exception):
    pass


class Lazy:
    """As proxies of web frameworks are: any look at it outside a request fails."""

    def __getattribute__(self, name):
        raise RuntimeError("outside of a request")


class Anything:
    """As stand-ins of test libraries are: it has every attribute."""

    def __getattr__(self, name):
        return self


def helper():
    return Mode.FAST


anything = Anything()
proxy = Lazy()


def values():
    return [Point(1), Point.Part(), Point.Kind.SHARP, Mode.FAST, Pair(1, Point(2)), helper, Point, Stale]


@step
def make():
    return values()


@step
def same(value):
    if isinstance(value, Pair):
        raise Stale("it is old")
    return [value, type(value).__module__]


@step
def collect(results, failures):
    return results, failures


@flow
def shop():
    return make().map(same, tolerated_failure_percentage=50).agg(collect)


if __name__ == "__main__":
    if sys.argv[1:] and sys.argv[1] == "write":
        graph = shop()
        assert graph.entries[0].module == MODULE, graph.entries[0].module
        with open("values.pkl", "wb") as file:
            pickle.dump(values(), file)
            pickle.dump(Stale("x"), file)
    else:
        main(shop)
'''

READ = """
import pickle, sys
from lokki.canonical import load_module
name, file, data = sys.argv[1:]
module = load_module(name, file)
with open(data, "rb") as stream:
    values, error = pickle.load(stream), pickle.load(stream)
assert values == module.values(), values
assert type(error) is module.Stale
print(*sorted({getattr(v, "__module__", type(v).__module__) for v in [*values, error]}))
"""


def kitchen(folder: Path, file: str, module: str) -> Path:
    path = folder / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(KITCHEN.replace("MODULE", repr(module)))
    return path


@pytest.mark.parametrize(
    ("file", "words", "module"),
    [
        ("birds.py", ["birds.py"], "birds"),
        ("birds.py", ["-m", "birds"], "birds"),
        ("birds-flow.py", ["birds-flow.py"], "birds-flow"),
        ("birds.v2.py", ["birds.v2.py"], "birds_v2"),
        ("vögel.py", ["vögel.py"], "vögel"),
        ("pkg/birds.py", ["pkg/birds.py"], "birds"),
        ("pkg/birds.py", ["-m", "pkg.birds"], "pkg.birds"),
        ("pkg/__main__.py", ["-m", "pkg"], "pkg.__main__"),
    ],
)
def test_what_a_script_pickles_another_process_reads(
    script: Script, tmp_path: Path, file: str, words: list[str], module: str
) -> None:
    path = kitchen(tmp_path, file, module)
    done = script(*words, "write")
    assert done.returncode == 0, done.stderr
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    env = {"PYTHONPATH": str(Path(sys.modules["lokki"].__file__ or "").parent.parent)}
    done = script("-P", "-c", READ, module, str(path), str(tmp_path / "values.pkl"), env=env)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [module]


@pytest.mark.parametrize("words", [["birds.py"], ["-m", "birds"]])
@pytest.mark.parametrize("executor", ["thread", "process"])
def test_what_a_run_stores_another_process_reads(
    script: Script, tmp_path: Path, words: list[str], executor: str
) -> None:
    kitchen(tmp_path, "birds.py", "birds")
    done = script(*words, "run", "--run-id", "r1", "--executor", executor)
    assert done.returncode == 0, done.stderr
    read = (
        "import lokki\n"
        "results, failures = lokki.Run('shop', 'r1').result\n"
        "import birds\n"
        "assert [value for value, _ in results] == [v for v in birds.values() if not isinstance(v, birds.Pair)]\n"
        "assert {name for _, name in results} == {'birds', 'builtins'}, results\n"
        "assert [(f.index, f.error_type, f.message) for f in failures] == [(4, 'birds.Stale', 'it is old')], failures\n"
        "assert 'in same' in failures[0].traceback\n"
    )
    done = script("-c", read)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.parametrize("words", [["birds.py"], ["-m", "birds"]])
def test_worker_processes_of_every_kind_agree_on_the_name(
    script: Script, tmp_path: Path, method: str, words: list[str]
) -> None:
    (tmp_path / "birds.py").write_text(
        "import multiprocessing\n"
        "from dataclasses import dataclass\n"
        "from lokki import flow, step\n"
        "from lokki.canonical import find_step, load_module\n"
        "@dataclass\n"
        "class Point:\n"
        "    x: int\n"
        "@step\n"
        "def make(point):\n"
        "    return Point(point.x + 1)\n"
        "@flow\n"
        "def shop(n=0):\n"
        "    return make(point=Point(n))\n"
        "def child(connection, module, file):\n"
        "    load_module(module, file)\n"
        "    definition = find_step(module, 'make')\n"
        "    connection.send(definition.fn(connection.recv()))\n"
        "    connection.send(Point.__module__)\n"
        "if __name__ == '__main__':\n"
        "    shop()\n"
        f"    context = multiprocessing.get_context({method!r})\n"
        "    mine, its = context.Pipe()\n"
        "    process = context.Process(target=child, args=(its, 'birds', __file__))\n"
        "    process.start()\n"
        "    mine.send(Point(1))\n"
        "    assert mine.recv() == Point(2)\n"
        "    assert mine.recv() == Point.__module__ == 'birds'\n"
        "    process.join()\n"
        "    print('fine')\n"
    )
    done = script(*words)
    assert (done.stdout, done.returncode) == ("fine\n", 0), done.stderr


def test_a_step_wrapped_by_a_decorator_from_elsewhere_is_adopted(script: Script, tmp_path: Path) -> None:
    (tmp_path / "tools.py").write_text(
        "import functools\n"
        "def logged(fn):\n"
        "    @functools.wraps(fn)\n"
        "    def wrapper(*args):\n"
        "        return fn(*args)\n"
        "    return wrapper\n"
    )
    (tmp_path / "birds.py").write_text(
        "from lokki import flow, step\n"
        "from lokki.canonical import adopt\n"
        "from tools import logged\n"
        "class Point: ...\n"
        "@step\n"
        "@logged\n"
        "def make():\n"
        "    return Point()\n"
        "adopt(make.fn)\n"
        "print(Point.__module__, make.fn.__module__)\n"
    )
    assert script("birds.py").stdout == "birds birds\n"


def test_a_flow_file_may_be_imported_by_its_own_helpers(script: Script, tmp_path: Path) -> None:
    """Then it is loaded twice; what the script defines wins."""
    (tmp_path / "helpers.py").write_text("import birds\n")
    (tmp_path / "birds.py").write_text(
        "import sys\nfrom lokki import flow, step\nimport helpers\n"
        "@step\ndef make():\n    return 1\n"
        "@flow\ndef shop():\n    return make()\n"
        "if __name__ == '__main__':\n"
        "    shop()\n"
        "    print(sys.modules['birds'] is sys.modules['__main__'])\n"
    )
    done = script("birds.py")
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_a_flow_file_named_like_a_loaded_module_is_refused(script: Script, tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text(
        "from lokki import flow, main, step\n"
        "@step\ndef make():\n    return 1\n"
        "@flow\ndef shop():\n    return make()\n"
        "main(shop, ['run', '--store', 'memory'])\n"
    )
    done = script("-P", str(tmp_path / "json.py"), env={"PYTHONPATH": str(_package())})
    assert done.returncode == 2
    assert done.stderr == (
        f"error: the flow file '{tmp_path / 'json.py'}' has the name of the module 'json', which is loaded already."
        " Rename the file.\n"
    )


def _package() -> Path:
    return Path(sys.modules["lokki"].__file__ or "").parent.parent


def test_in_an_interactive_session_nothing_has_a_name(script: Script) -> None:
    code = (
        "from lokki import flow, step\n"
        "from lokki.canonical import adopt_main, canonical_module\n"
        "class Point: ...\n"
        "@step\ndef make():\n    return 1\n"
        "@flow\ndef shop():\n    return make()\n"
        "adopt_main()\n"
        "print(Point.__module__, canonical_module('__main__'), shop().entries[0].module)\n"
    )
    assert script("-c", code).stdout == "__main__ __main__ __main__\n"


@pytest.fixture
def main_module(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """A running script `birds.py`."""
    module = ModuleType("__main__")
    module.__file__ = str(tmp_path / "birds.py")
    monkeypatch.setitem(sys.modules, "__main__", module)
    monkeypatch.delitem(sys.modules, "birds", raising=False)
    return module


class TestAdoption:
    def test_classes_functions_steps_and_flows_are_renamed_and_others_left(self, main_module: ModuleType) -> None:
        space = vars(main_module)
        text = (
            "from lokki import flow, step\nfrom enum import Enum\nfrom json import JSONDecoder, loads\n"
            "class Point:\n    class Part: ...\n    foreign = JSONDecoder\n"
            "def helper(): ...\n"
            "@step\ndef make(): ...\n"
            "@flow\ndef shop(): ...\n"
        )
        exec(text, space)  # noqa: S102  # as the interpreter runs a script
        adopt_main()
        assert sys.modules.pop("birds") is main_module
        names = ["Point", "helper", "JSONDecoder", "loads", "Enum"]
        assert [space[name].__module__ for name in names] == ["birds", "birds", "json.decoder", "json", "enum"]
        assert space["Point"].Part.__module__ == "birds"
        assert (space["make"].fn.__module__, space["shop"].fn.__module__) == ("birds", "birds")

    def test_only_functions_of_the_script_adopt_it(self, main_module: ModuleType) -> None:
        adopt(test_in_an_interactive_session_nothing_has_a_name)
        assert "birds" not in sys.modules
        exec("def fn(): ...", vars(main_module))  # noqa: S102  # as the interpreter runs a script
        adopt(main_module.fn)
        assert sys.modules.pop("birds") is main_module

    def test_the_running_script_is_found_by_its_name(self, main_module: ModuleType) -> None:
        assert load_module("birds", None) is main_module
        assert canonical_module("__main__") == canonical_module("__mp_main__") == "birds"
        assert canonical_module("other") == "other"
        del sys.modules["birds"]

    def test_another_module_of_that_name_is_in_the_way(
        self, main_module: ModuleType, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "birds", ModuleType("birds"))
        with pytest.raises(FlowDefinitionError, match="has the name of the module 'birds', which is loaded already"):
            adopt_main()


class TestLoading:
    def test_a_loaded_module_is_not_loaded_again(self, source: MakeSource) -> None:
        module = source("x = 1\n").load()
        assert load_module("shop", "/nowhere/shop.py") is module

    def test_a_file_is_loaded_with_its_neighbours(self, source: MakeSource) -> None:
        source("y = 2\n", name="neighbour")
        file = source("import neighbour\nx = neighbour.y\n")
        before = list(sys.path)
        assert load_module("shop", str(file.path)).x == 2
        assert sys.path == [str(file.path.parent), *before]
        sys.modules.pop("shop")
        load_module("shop", str(file.path))
        assert sys.path == [str(file.path.parent), *before]
        sys.path.remove(str(file.path.parent))

    def test_an_importable_module_needs_no_file(self) -> None:
        assert load_module("colorsys", None).__name__ == "colorsys"

    @pytest.mark.parametrize(("file", "told"), [(None, "no file is known"), ("/nowhere/x.py", "/nowhere/x.py")])
    def test_a_missing_module_says_where_it_was_looked_for(self, file: str | None, told: str) -> None:
        with pytest.raises(FlowDefinitionError) as caught:
            load_module("no_such_flow", file)
        assert str(caught.value) == f"the flow module 'no_such_flow' was not found ({told})."

    def test_what_is_no_python_file_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "notes.txt"
        path.write_text("x")
        with pytest.raises(FlowDefinitionError, match=r"notes\.txt' is not a Python file"):
            load_module("notes", str(path))
        sys.path.remove(str(tmp_path))

    def test_a_module_that_fails_is_not_kept(self, source: MakeSource) -> None:
        file = source("raise ValueError('half way')\n")
        with pytest.raises(ValueError, match="half way"):
            load_module("shop", str(file.path))
        assert "shop" not in sys.modules
        sys.path.remove(str(file.path.parent))


@step
def plain() -> int:
    return 1


other_name = step(lambda: 1)


@flow
def small_flow() -> object:
    return plain()


class TestFinding:
    def test_steps_by_the_name_of_their_function(self) -> None:
        found = find_step(__name__, "plain")
        assert found is plain.links[0].step  # type: ignore[union-attr]  # a step, not a map
        assert find_step(__name__, "<lambda>") is other_name.links[0].step  # type: ignore[union-attr]  # as above
        assert find_step(__name__, "small_flow") is None
        assert find_step(__name__, "no_such") is None
        assert find_step("no.such.module", "plain") is None

    def test_steps_of_other_modules_are_not_found(self, source: MakeSource) -> None:
        source("@step\ndef clean(x):\n    return x\n", name="kitchen").load()
        source("from kitchen import clean\nchained = clean.next(clean)\n").load()
        assert find_step("shop", "clean") is None
        assert find_step("kitchen", "clean") is not None

    def test_flows_by_the_name_of_their_function(self) -> None:
        module = sys.modules[__name__]
        found = find_flow(module, "small_flow")
        assert isinstance(found, Flow)
        assert isinstance(found(), FlowGraph)
        assert find_flow(module, "plain") is None
