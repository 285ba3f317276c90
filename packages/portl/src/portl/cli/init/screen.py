"""What the wizard shows: the mapping, notes, the job's text in colours, a dry run. Never wider than the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.padding import Padding
from rich.style import Style
from rich.syntax import ANSISyntaxTheme, Syntax
from rich.table import Table as Grid
from rich.text import Text

from ...connectors.operations import Table
from ...errors import PortlError
from ...secrets import Masker
from ...wizard.facts import CsvFile, Source
from ...wizard.matching import Link, required

_COLOURS = ANSISyntaxTheme(
    {  # of the terminal's own palette; they can be read on dark and on light
        ("Name", "Tag"): Style(color="cyan"),
        ("Literal", "String"): Style(color="green"),
        ("Literal", "Scalar"): Style(),
        ("Comment",): Style(dim=True),
    }
)
_MARGIN = (0, 0, 0, 2)


class Screen:
    """Writes to the terminal."""

    def __init__(self, masker: Masker) -> None:
        self._masker = masker
        self._console = Console(highlight=False, soft_wrap=False)

    def complain(self, error: PortlError) -> None:
        """What is wrong with an answer."""
        self._indented(str(error), "red")

    def note(self, text: str) -> None:
        """Something to know."""
        self._indented(text, "yellow")

    def _indented(self, text: str, style: str) -> None:
        self._console.print(Padding(Text(self._masker.text(text), style=style), _MARGIN))

    def say(self, text: str = "") -> None:
        """A line."""
        self._console.print(Text(self._masker.text(text)))

    def command(self, text: str) -> None:
        """A command to copy: one line, however long."""
        self._console.print(Text(self._masker.text(text)), soft_wrap=True)

    def source(self, shown: str, source: Source) -> None:
        """What was found at the source."""
        facts = f"{len(source.columns)} columns"
        if isinstance(source, CsvFile):
            delimiter = {"\t": "tab", ",": "comma", ";": "semicolon", "|": "bar"}.get(
                source.delimiter, source.delimiter
            )
            facts += f", {source.encoding}, between fields: {delimiter}"
            facts += "" if source.has_header else ", no header"
        self._indented(f"{shown}: {facts}", "dim")

    def mapping(self, name: str, links: Sequence[Link], table: Table, unused: Sequence[str]) -> None:
        """Every column of the table with what it gets."""
        grid = Grid(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
        for title in (_line(name), "type", "comes from", ""):
            grid.add_column(title, overflow="fold", ratio=None)
        found: Mapping[str, Link] = {link.target: link for link in links}
        for column in table.columns.values():
            if not column.writable:
                continue
            link = found.get(column.name)
            origin, remark = _origin(link, needed=column.name in required(table))
            style = "" if link is not None else "dim"
            cells = (column.name, column.type, origin, remark)
            grid.add_row(*(Text(_line(cell), style=style) for cell in cells))
        self._console.print(Padding(grid, _MARGIN))
        if unused:
            self._indented(f"not used: {_line(', '.join(unused))}", "dim")

    def job(self, path: str, text: str) -> None:
        """The text of a job, in colours."""
        self._console.print(Text(f"\n{path}", style="bold"))
        syntax = Syntax(self._masker.text(text), "yaml", theme=_COLOURS, background_color="default", word_wrap=True)
        self._console.print(syntax)

    def plan(self, lines: Sequence[str], errors: Sequence[str]) -> None:
        """A dry run; lines that are too long go on under their beginning."""
        for line in lines:
            text = line.lstrip()
            padding = (line.count("\n"), 0, 0, len(line.strip("\n")) - len(text))
            self._console.print(Padding(Text(self._masker.text(text), style="dim"), padding))
        for error in errors:
            self.note(f"This would fail: {error}")


def _origin(link: Link | None, *, needed: bool) -> tuple[str, str]:
    if link is None:
        return "-", "needs a value" if needed else "keeps its default"
    if link.source is None:
        return str(link.value), "expression" if "{{" in str(link.value) else "fixed value"
    return link.source, "" if link.reason in ("same name", "chosen") else link.reason


def _line(text: str) -> str:
    """In one line; other characters as escapes."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
