"""The one module name a flow file is known by, whether it is run as a script or imported.

A script's own classes would be pickled as `__main__.Point`, which no other process can load. `adopt_main` gives
the script its importable name, so that what a run stores can be read back anywhere. Touches `sys.modules`.
"""

from __future__ import annotations

import os
import sys
from types import FunctionType, ModuleType
from typing import Any, TypeGuard, TypeVar

from .chain import StepDef, StepNode, TaskUse
from .decorators import Flow
from .errors import FlowDefinitionError
from .where import unwrapped

T = TypeVar("T")

WORKERS_MAIN = "__mp_main__"
"""What Python calls a script that a spawned worker process imports."""

MAIN_NAMES = ("__main__", WORKERS_MAIN)
"""What Python calls a script: itself, and as imported by a spawned worker."""


def adopt_main() -> None:
    """Make the running script importable under its file's name, and let its classes say so.

    Does nothing in an interactive session. Safe to call again after more classes were defined.
    Raises FlowDefinitionError where the script's name is that of another loaded module.
    """
    main = sys.modules["__main__"]
    name = _importable_name(main)
    if name is None:
        return
    known = sys.modules.setdefault(name, main)
    if known is not main and not _same_file(known, main):
        raise FlowDefinitionError(
            f"the flow file '{main.__file__}' has the name of the module '{name}', which is loaded already.",
            hint="Rename the file.",
        )
    sys.modules[name] = main
    for value in list(vars(main).values()):
        _rename(value, name)


def adopt(fn: FunctionType | Any) -> None:
    """`adopt_main`, if `fn` belongs to the running script."""
    if getattr(unwrapped(fn), "__globals__", None) is vars(sys.modules["__main__"]):
        adopt_main()


def canonical_module(name: str) -> str:
    """`name`, or the importable name of the running script where `name` is `__main__`."""
    if name not in MAIN_NAMES:
        return name
    return _importable_name(sys.modules["__main__"]) or name


def name_of_file(file: str) -> str:
    """The importable name of a flow file that is run as a script."""
    return os.path.splitext(os.path.basename(file))[0].replace(".", "_")  # a dot means a package


def load_module(name: str, file: str | None) -> ModuleType:
    """The module `name`: as loaded, as the running script, by import, or from `file`.

    Raises FlowDefinitionError where it cannot be found; what its own code raises passes through.
    """
    if name in sys.modules:
        return sys.modules[name]
    if _importable_name(sys.modules["__main__"]) == name:
        adopt_main()
        return sys.modules[name]
    if file is not None and os.path.exists(file):
        return _load_file(name, file)
    import importlib  # noqa: PLC0415  # only a worker or a reader of old runs gets here

    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise FlowDefinitionError(f"the flow module '{name}' was not found ({file or 'no file is known'}).") from error


def find_step(module: str, name: str) -> StepDef | None:
    """The step function `name` of a loaded module, if it stands there at module level."""
    space = vars(sys.modules[module]) if module in sys.modules else {}
    for node in (space.get(name), *space.values()):
        link = node.links[0] if _is_a(node, StepNode) and len(node.links) == 1 else None
        if isinstance(link, TaskUse) and link.step.name == name and _defined_in(link.step, module):
            return link.step
    return None


def _defined_in(step: StepDef, module: str) -> bool:
    return canonical_module(step.fn.__module__) == module


def find_flow(module: ModuleType, name: str) -> Flow[Any] | None:
    """The flow whose function is called `name`, at the module's top level."""
    for value in vars(module).values():
        if _is_a(value, Flow) and value.fn.__name__ == name:
            return value
    return None


def _importable_name(main: ModuleType) -> str | None:
    """What `import` would call the running script; None where nothing could import it."""
    spec = getattr(main, "__spec__", None)
    if spec is not None:
        return str(spec.name)
    file = getattr(main, "__file__", None)
    return name_of_file(file) if file else None


def _same_file(one: ModuleType, other: ModuleType) -> bool:
    files = [os.path.realpath(f) for m in (one, other) if (f := getattr(m, "__file__", None))]
    return len(files) == 2 and files[0] == files[1]


def _rename(value: object, name: str) -> None:
    if _is_a(value, type):
        if value.__module__ in MAIN_NAMES:
            value.__module__ = name
            for inner in list(vars(value).values()):
                _rename(inner, name)
    elif _is_a(value, FunctionType) and value.__module__ in MAIN_NAMES:
        value.__module__ = name
    elif _is_a(value, StepNode) or _is_a(value, Flow):
        _rename(value.fn, name)


def _folders(name: str, path: str) -> list[str]:
    """The folder that `import name` needs on the path, then the packages below it that lead to the file."""
    packages = name.split(".")[:-1]
    folder = path
    for _ in (*packages, name):
        folder = os.path.dirname(folder)
    if os.path.join(folder, *name.split(".")) == os.path.splitext(path)[0]:
        return [folder, *packages]
    return [os.path.dirname(path)]


def _is_a(value: object, kind: type[T]) -> TypeGuard[T]:
    """As isinstance, but without a look at attributes: there are proxies that fail at any."""
    return issubclass(type(value), kind)


def _load_file(name: str, file: str) -> ModuleType:
    from importlib import import_module, util  # noqa: PLC0415  # only a worker or a reader of old runs gets here

    path = os.path.abspath(file)
    folder, *packages = _folders(name, path)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    if packages:
        return import_module(name)
    spec = util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise FlowDefinitionError(f"the flow file '{file}' is not a Python file.")
    module = util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module
