import os.path
from collections.abc import Iterator
from pathlib import Path

import math


def parents(path: str) -> Iterator[Path]:
    for parent in Path(path).parents:
        yield parent


def depth(path: str) -> int:
    return math.ceil(len(os.path.normpath(path).split(os.sep)))
