"""Names that expressions can use, and that nothing else in the job has yet. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

LONGEST = 60


def name_of(text: str, otherwise: str) -> str:
    """`text` as a name: small letters, digits and underscores; `otherwise` where nothing of it is left."""
    ascii_ = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9]+", "_", ascii_.lower())[:LONGEST].strip("_")
    if not name:
        return otherwise
    return f"{otherwise}_{name}" if name[0].isdigit() else name


def free(name: str, taken: Collection[str]) -> str:
    """`name`, with a number behind it where it is taken."""
    number, result = 1, name
    while result in taken:
        number += 1
        result = f"{name}_{number}"
    return result
