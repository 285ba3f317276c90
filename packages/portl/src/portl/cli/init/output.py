"""The file that is written: a new one, one that is replaced, one that grows; whole or not at all."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from ...errors import CommandLineError
from ...wizard import append
from ...wizard.job import Existing, Parts, text_of
from .questions import Answers, Choice

Mode = Literal["new", "overwrite", "append"]
_BOM = "\ufeff"


class CancelledError(Exception):
    """Somebody wants nothing to be written."""


@dataclass(frozen=True)
class Output:
    """Where the job goes; `path` "-" is the standard output."""

    path: str
    mode: Mode
    old: str = ""
    """The text that is there, for `append`."""

    @property
    def folder(self) -> str:
        """What the job's paths are relative to."""
        return os.path.dirname(self.path) or "."

    def existing(self) -> Existing:
        """What the job has already. Raises JobSpecError, CommandLineError."""
        return append.existing_of(self.old, self.path) if self.mode == "append" else Existing()

    def text(self, parts: Parts) -> str:
        """The whole text. Raises CommandLineError."""
        if self.mode != "append":
            return text_of(parts)
        mark = _BOM if self.old.startswith(_BOM) else ""
        return mark + append.appended(self.old.removeprefix(_BOM), parts, self.path)

    def write(self, text: str) -> None:
        """Put the text in place, at once. Raises CommandLineError."""
        write_whole(self.path, text)


def ask(answers: Answers, proposal: str, existing: str, *, whole: bool = False) -> Output:
    """Where the job is to go. `existing` is what flags say of a file that is there: overwrite, append or "".

    A `whole` job cannot be appended.

    Raises CancelledError, CommandLineError.
    """

    def parse(text: str) -> Output:
        if text == "-":
            return Output("-", "new")
        path = os.path.expanduser(text.strip())
        if not path or "\0" in path or os.path.isdir(path):
            raise CommandLineError(f"'{text}' is no name of a file.")
        if not os.path.isdir(os.path.dirname(path) or "."):
            raise CommandLineError(f"{path}: there is no folder {os.path.dirname(path)}.")
        if not os.path.exists(path):
            return Output(path, "new")
        return _occupied(answers, path, existing, whole=whole)

    return answers.take("out", lambda prompts: prompts.path("Into which file?", proposal), parse, default=proposal)


def _occupied(answers: Answers, path: str, existing: str, *, whole: bool) -> Output:
    """What becomes of a file that is there."""
    old, is_job = _read(path)
    if existing:
        mode = existing
    elif answers.prompts is None:
        hint = "Say --overwrite or --append, or another --out."
        raise CommandLineError(f"{path} is there already.", hint=hint)
    else:
        choices = [Choice("append", "append the new steps to it")] if is_job and not whole else []
        choices += [Choice("other", "choose another name"), Choice("overwrite", "overwrite it")]
        choices += [Choice("cancel", "cancel")]
        mode = answers.prompts.choose(f"{path} is there already:", choices, choices[0].value)
    if mode == "cancel":
        raise CancelledError
    if mode == "other":
        raise CommandLineError("Another name, then.")
    answers.taken.pop("overwrite", None)
    answers.taken.pop("append", None)
    if mode == "append":
        answers.taken["append"] = ("",)
        output = Output(path, "append", old)
        output.existing()
        return output
    answers.taken["overwrite"] = ("",)
    return Output(path, "overwrite")


def _read(path: str) -> tuple[str, bool]:
    """The text of a file, and whether it may be a job with steps."""
    try:
        with open(path, encoding="utf-8", newline="") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError):
        return "", False
    return text, append.is_job(text.removeprefix(_BOM))


def write_whole(path: str, text: str) -> None:
    """Write a file beside its place and move it there. Raises CommandLineError; nothing is left behind then."""
    place = os.path.realpath(path)
    temporary = ""
    try:
        number, temporary = tempfile.mkstemp(prefix=".portl-", suffix=".yaml", dir=os.path.dirname(place))
        with open(number, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            os.fchmod(file.fileno(), _permissions(place))
        os.replace(temporary, place)
    except OSError as error:
        raise CommandLineError(f"{path} cannot be written: {error.strerror}.") from error
    finally:
        with suppress(OSError):
            os.unlink(temporary)


def _permissions(path: str) -> int:
    """Those of the file that is there, else those that a new file gets."""
    try:
        return stat.S_IMODE(os.stat(path).st_mode)
    except OSError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask
