"""A census of Python source: parse every file below a folder in parallel, then rank what was found.

A file that cannot be parsed is a finding, not a failure: it is counted and named in the report.
"""

import ast
import sysconfig
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lokki import flow, main, step
from lokki.decorators import StepNode

SKIPPED_FOLDERS = {"site-packages", "__pycache__"}


@dataclass(frozen=True)
class Function:
    name: str
    lines: int


@dataclass(frozen=True)
class SourceFile:
    """What one file holds. Item results are stored, so they are small, plain values."""

    path: str
    lines: int
    classes: int
    functions: int
    longest: Function | None
    imports: frozenset[str]


@dataclass(frozen=True)
class BrokenFile:
    path: str
    reason: str


# The steps


@step
def find_files(root: str, pattern: str) -> Iterator[str]:
    """The map's source. It may be a generator: what it yields is stored as it comes."""
    folder = Path(root)
    for path in files_below(folder):
        if path.match(pattern):
            yield path.relative_to(folder).as_posix()


@step
def measure(path: str, root: str) -> SourceFile | BrokenFile:
    """Runs once per file: `path` is the item, `root` is bound in the flow and the same for all."""
    source = Path(root, path).read_bytes()
    try:
        tree = ast.parse(source, path)
    except (SyntaxError, ValueError) as error:
        return BrokenFile(path, describe(error))
    return survey(path, source, tree)


@step
def rank(files: list[SourceFile | BrokenFile], root: str, top: int, report: str) -> str:
    """Runs once, over the results of all files, which arrive in the order of the source."""
    sources = [file for file in files if isinstance(file, SourceFile)]
    broken = [file for file in files if isinstance(file, BrokenFile)]
    sections = [
        f"# Census of {root}",
        summary(sources, broken),
        table(("Largest files", "Lines", "Functions", "Classes"), largest_files(sources)[:top]),
        table(("Longest functions", "Lines", "File"), longest_functions(sources)[:top]),
        table(("Most imported modules", "Files"), most_imported(sources)[:top]),
        table(("Files that do not parse", "Reason"), [(file.path, file.reason) for file in broken]),
    ]
    text = "\n\n".join(section for section in sections if section)
    Path(report).write_text(text + "\n", encoding="utf-8")
    return text


@flow
def census_flow(root: str = "", pattern: str = "*.py", top: int = 10, report: str = "census.md") -> StepNode[..., str]:
    """The arguments are the options of the command line; an empty root means the standard library."""
    folder = root or sysconfig.get_path("stdlib")
    return find_files(folder, pattern).map(measure, root=folder).agg(rank, root=folder, top=top, report=report)


# What the steps are made of: plain functions


def files_below(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_file():
            yield path
        elif path.is_dir() and path.name not in SKIPPED_FOLDERS:
            yield from files_below(path)


def survey(path: str, source: bytes, tree: ast.Module) -> SourceFile:
    nodes = list(ast.walk(tree))
    functions = [measured(node) for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return SourceFile(
        path=path,
        lines=len(source.splitlines()),
        classes=sum(isinstance(node, ast.ClassDef) for node in nodes),
        functions=len(functions),
        longest=max(functions, key=lambda function: function.lines, default=None),
        imports=frozenset(name for node in nodes for name in imported_by(node)),
    )


def measured(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Function:
    return Function(node.name, (node.end_lineno or node.lineno) - node.lineno + 1)


def imported_by(node: ast.AST) -> list[str]:
    """The top-level names of the modules this node imports; relative imports are none of them."""
    match node:
        case ast.Import(names=names):
            return [alias.name.partition(".")[0] for alias in names]
        case ast.ImportFrom(module=str(module), level=0):
            return [module.partition(".")[0]]
        case _:
            return []


def describe(error: SyntaxError | ValueError) -> str:
    if not isinstance(error, SyntaxError):
        return str(error)
    return f"{error.msg} (line {error.lineno})" if error.lineno else error.msg


def summary(sources: Sequence[SourceFile], broken: Sequence[BrokenFile]) -> str:
    lines = sum(file.lines for file in sources)
    functions = sum(file.functions for file in sources)
    classes = sum(file.classes for file in sources)
    return (
        f"{len(sources):,} files with {lines:,} lines, {functions:,} functions and {classes:,} classes; "
        f"{len(broken):,} files do not parse."
    )


def largest_files(sources: Iterable[SourceFile]) -> list[tuple[str, int, int, int]]:
    rows = [(file.path, file.lines, file.functions, file.classes) for file in sources]
    return sorted(rows, key=lambda row: -row[1])


def longest_functions(sources: Iterable[SourceFile]) -> list[tuple[str, int, str]]:
    rows = [(file.longest.name, file.longest.lines, file.path) for file in sources if file.longest]
    return sorted(rows, key=lambda row: -row[1])


def most_imported(sources: Iterable[SourceFile]) -> list[tuple[str, int]]:
    counts = Counter(name for file in sources for name in file.imports)
    return sorted(counts.items(), key=lambda row: (-row[1], row[0]))


def table(head: Sequence[str], rows: Sequence[Sequence[str | int]]) -> str:
    """A Markdown table whose columns are padded, so that it reads well as plain text too; "" without rows."""
    columns = [column(title, values) for title, values in zip(head, zip(*rows, strict=True), strict=False)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in zip(*columns, strict=True))


def column(title: str, values: Sequence[str | int]) -> list[str]:
    """The lines of one column, all of one width; numbers stand on the right."""
    texts = [f"{value:,}" if isinstance(value, int) else value.replace("|", r"\|") for value in values]
    width = max(len(text) for text in [title, *texts])
    if all(isinstance(value, int) for value in values):
        return [title.rjust(width), "-" * (width - 1) + ":", *(text.rjust(width) for text in texts)]
    return [title.ljust(width), "-" * width, *(text.ljust(width) for text in texts)]


if __name__ == "__main__":
    main(census_flow)
