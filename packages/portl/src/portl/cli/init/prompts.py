"""Questions on a terminal: the only module that imports questionary.

Arrow keys move, typing filters. Ctrl-C raises KeyboardInterrupt, the end of the input EOFError; the terminal is
restored by both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import questionary
from questionary import Question, Style

from .questions import Choice

_STYLE = Style(
    [  # colours of the terminal's own palette that can be read on dark and on light
        ("qmark", "fg:ansicyan bold"),
        ("question", "bold"),
        ("answer", "fg:ansicyan"),
        ("pointer", "fg:ansicyan bold"),
        ("highlighted", "fg:ansicyan bold"),
        ("selected", "noreverse"),
        ("search_success", "noinherit fg:ansigreen"),
        ("search_none", "noinherit fg:ansired"),
        ("instruction", "fg:ansibrightblack"),
        ("separator", "fg:ansibrightblack"),
        ("bottom-toolbar", "noreverse"),
    ]
)


def _asked(question: Question) -> Any:
    """The answer. A signal interrupts it as well as the key."""
    return question.application.run(handle_sigint=False)


class TerminalPrompts:
    """See `portl.cli.init.questions.Prompts`."""

    def choose(self, message: str, choices: Sequence[Choice], default: str) -> str:
        """One of `choices`; its value."""
        shown: list[Any] = [questionary.Choice(choice.title, value=choice.value) for choice in choices]
        values = [choice.value for choice in choices]
        return str(
            _asked(
                questionary.select(
                    message,
                    choices=shown,
                    default=default if default in values else None,
                    style=_STYLE,
                    pointer="›",
                    instruction="(arrows, or type)",
                    use_search_filter=True,
                    use_jk_keys=False,
                )
            )
        )

    def text(self, message: str, default: str = "") -> str:
        """A line of text."""
        return str(_asked(questionary.text(message, default=default, style=_STYLE)))

    def path(self, message: str, default: str = "") -> str:
        """A path; Tab completes it."""
        return str(_asked(questionary.path(message, default=default, style=_STYLE)))

    def password(self, message: str) -> str:
        """A line that is not shown."""
        return str(_asked(questionary.password(message, style=_STYLE)))

    def confirm(self, message: str) -> bool:
        """Yes, which Enter says, or no."""
        return bool(_asked(questionary.confirm(message, default=True, style=_STYLE)))
