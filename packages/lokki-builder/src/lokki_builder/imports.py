"""Which modules a module imports, read from its source without running it. Pure."""

from __future__ import annotations

import ast


def imported_names(source: bytes, package: str) -> set[str]:
    """Dotted names that may be modules: `a.b` for `import a.b`, `a` and `a.b` for `from a import b`.

    `package` is what relative imports start from; empty for a module at the top. A source that is no Python
    imports nothing: whoever runs it will say so better.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return set()
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= _from(node, package)
    return names


def _from(node: ast.ImportFrom, package: str) -> set[str]:
    parents = package.split(".") if package else []
    if node.level:
        parents = parents[: len(parents) - node.level + 1]
        base = ".".join([*parents, *([node.module] if node.module else [])])
    else:
        base = node.module or ""
    inside = {f"{base}.{alias.name}" if base else alias.name for alias in node.names}
    return inside | ({base} if base else set())
