"""How a question is answered: by a flag, by a person, by its default; whichever comes first.

One and the same dialogue therefore serves both modes, and remembers its answers as flags.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from ...errors import CommandLineError, PortlError

ResultT = TypeVar("ResultT")
ORDER = (
    "source", "source-table", "header", "delimiter", "encoding", "destination", "table",
    "map", "set", "type", "key", "conflict", "name", "out", "overwrite", "append",
)  # fmt: skip
"""Of the flags in a command line."""


@dataclass(frozen=True)
class Choice:
    """An answer to choose."""

    value: str
    title: str


class Prompts(Protocol):
    """Asks a person."""

    def choose(self, message: str, choices: Sequence[Choice], default: str) -> str: ...

    def text(self, message: str, default: str = "") -> str: ...

    def path(self, message: str, default: str = "") -> str: ...

    def password(self, message: str) -> str: ...

    def confirm(self, message: str) -> bool: ...


@dataclass
class Answers:
    """Flags that are still to be used, and what has been answered."""

    given: dict[str, str]
    """`{flag: text}` of the command line; each is taken once."""
    prompts: Prompts | None
    """None where nobody is asked."""
    complain: Callable[[PortlError], None]
    """Tells a person what is wrong with an answer, before the question comes again."""
    taken: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The answers as flags."""

    def take(
        self,
        flag: str,
        ask: Callable[[Prompts], str],
        parse: Callable[[str], ResultT],
        *,
        default: str | None = None,
        missing: str = "",
        hint: str = "",
        flags: Callable[[str], Mapping[str, Any]] | None = None,
    ) -> ResultT:
        """What `parse` makes of the first answer that it takes.

        Raises CommandLineError where there is neither flag, person nor default; and what `parse` raises where nobody
        can be asked again.
        """
        text = self.given.pop(flag, None)
        while True:
            if text is None and self.prompts is not None:
                text = ask(self.prompts)
            if text is None:
                text = default
            if text is None:
                raise CommandLineError(missing or f"--{flag} is needed.", hint=hint or "See: portl init --help")
            try:
                result = parse(text)
            except PortlError as error:
                if self.prompts is None:
                    raise
                self.complain(error)
                text = None
                continue
            for name, value in (flags(text) if flags else {flag: text}).items():
                self.taken[name] = (str(value),)
            return result

    def command(self) -> str:
        """The command line that gives the same answers without asking."""
        words = ["portl", "init", "--non-interactive"]
        for flag, values in sorted(self.taken.items(), key=lambda item: ORDER.index(item[0])):
            if flag in ("header", "overwrite", "append"):
                words.append(f"--no-{flag}" if values == ("no",) else f"--{flag}")
                continue
            for value in values:
                words += [f"--{flag}", value] if not value.startswith("-") else [f"--{flag}={value}"]
        return shlex.join(words)
