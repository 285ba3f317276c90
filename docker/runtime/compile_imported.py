"""Compiles those modules of the standard library that the runtime imports, and no others: the rest would be weight."""

from __future__ import annotations

import importlib
import py_compile
import sys
import sysconfig
from pathlib import Path

IMPORTED = ["lokki_runtime.handler", "lokki_runtime.__main__", "awslambdaric.bootstrap", "lokki", "obstore.store"]
USUAL = ["concurrent.futures", "csv", "dataclasses", "datetime", "decimal", "enum", "logging", "typing", "zoneinfo"]
"""What steps often import."""


def main() -> None:
    for name in [*IMPORTED, *USUAL]:
        try:
            importlib.import_module(name)
        except Exception as error:  # a module that needs Lambda around it has imported enough by then
            sys.stderr.write(f"{name}: {error!r}\n")
    library = Path(sysconfig.get_path("stdlib")).resolve()
    files = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    for file in sorted(Path(name).resolve() for name in files if name and name.endswith(".py")):
        if file.is_relative_to(library) and "site-packages" not in file.parts:
            py_compile.compile(str(file), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)


if __name__ == "__main__":
    main()
