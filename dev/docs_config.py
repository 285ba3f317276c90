"""The page about the configuration, out of its schema.

Input: `lokki.config.schema`. Output: Markdown. Pure.
"""

from __future__ import annotations

import json

from lokki.config.schema import KEYS, TABLES
from lokki.config.table import Key, Table

HEAD = """\
# Configuration

Everything has a default; a flow that only runs on this machine needs no configuration. A value comes from one of these
places; each wins over those before it:

1. its default,
2. `~/.lokki/lokki.toml`,
3. `lokki.toml` in the flow's folder or the nearest folder above it,
4. its environment variable,
5. an option of the command line.

Tables of the two files are merged key by key; lists and single values replace. A key that does not exist is an error
that names the closest one that does. `python flow.py config` shows every value and where it came from; secrets
are hidden in it.

```toml
[aws]
artifact_bucket = "our-flows"
region = "eu-west-1"

[lambda]
memory = 1024
package_type = "zip"

[lambda.env]
STAGE = "test"

[local]
executor = "process"
```

A step's own options (`@step(memory_mb=2048)`) win over the tables `[lambda]` and `[batch]`.

A `lokki.yml` of version 1 is still read where the extra `lokki-core[yaml]` is installed; the last column of the tables
names its keys. A `lokki.toml` beside it wins, with a warning.
"""


def page() -> str:
    """The whole page."""
    top = {name: key for name, key in KEYS.items() if "." not in name}
    sections = [HEAD, _section("Top level", "", top)]
    sections += [_table_section(name, table) for name, table in TABLES.items() if table.KEYS]
    return "\n".join(sections)


def _table_section(name: str, table: type[Table]) -> str:
    keys = {f"{name}.{key.rstrip('_')}": declared for key, declared in table.KEYS.items()}
    says = (table.__doc__ or "").strip().split(": ", 1)[1]
    return _section(f"`[{name}]`", says[:1].upper() + says[1:], keys)


def _section(title: str, says: str, keys: dict[str, Key]) -> str:
    lines = [f"## {title}", "", *([says, ""] if says else [])]
    lines += ["| key | type | default | environment variable | meaning | version 1 |", "|---|---|---|---|---|---|"]
    return "\n".join([*lines, *(_row(name, key) for name, key in keys.items()), ""])


def _row(name: str, key: Key) -> str:
    cells = [
        f"`{name}`",
        _type(key),
        _default(key.default),
        ", ".join(f"`{one}`" for one in key.env),
        _meaning(key),
        f"`{key.v1}`" if key.v1 else "",
    ]
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def _type(key: Key) -> str:
    """A key's type in the words of TOML, with what is allowed."""
    kinds = {
        "str": "text",
        "int": "whole number",
        "int | None": "whole number",
        "float": "number",
        "bool": "true, false",
        "tuple[str, ...]": "list of texts",
        "Mapping[str, str]": "table of texts",
        "tuple[Mapping[str, object], ...]": "list of tables",
    }
    if key.choices:
        return ", ".join(f"`{_toml(choice)}`" for choice in key.choices)
    bounds = {
        (False, False): "",
        (True, False): f", from {key.minimum}",
        (False, True): f", up to {key.maximum}",
        (True, True): f", {key.minimum} to {key.maximum}",
    }[key.minimum is not None, key.maximum is not None]
    return kinds[key.kind] + bounds


def _meaning(key: Key) -> str:
    parts = [key.doc]
    if key.unit:
        parts.append(f"In {key.unit}.")
    if key.expects:
        parts.append(f"Written as {key.expects}.")
    if key.older:
        parts.append(f"Also `{key.older}`, its older name.")
    return " ".join(parts)


def _default(value: object) -> str:
    if value is None:
        return "none"
    if not value and not isinstance(value, bool | int):
        return "empty"
    return f"`{_toml(value)}`"


def _toml(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
