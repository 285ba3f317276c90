"""Commands that work on a flow: `python flow.py CMD`, where it is known, and `lokki-cli CMD flow.py[:name]`.

A FlowCommand finds the flow among its words, loads it, gives it a FlowContext and, if it takes them, the flow's
parameters as options. A CoreCommand hands its words on to a command of lokki-core.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any

import click
from click.shell_completion import CompletionItem
from lokki.boundary import write_out
from lokki.decorators import Flow

from .context import FlowContext
from .discover import load_flow
from .errors import CommandLineError
from .ops.completion import flow_words, local_runs
from .ops.completion import parameter_options as options_of
from .options import ParameterOption, given, parameter_options

HELP = ("-h", "--help")
TARGET = "lokki_cli.flowcommand.target"
"""Where a click context keeps the word that named the flow."""

DEBUG_HELP = "Show lokki's own traceback of an error."


class PlainHelp(click.Command):
    """A command whose help is printed as every other output is."""

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """`-h` and `--help`."""
        text = "Show this message and exit."
        return click.Option(HELP, is_flag=True, is_eager=True, expose_value=False, callback=_print_help, help=text)


def _print_help(ctx: click.Context, option: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        write_out(f"{ctx.get_help()}\n")
        ctx.exit()


class FlowCommand(PlainHelp):
    """A command whose context object is a FlowContext."""

    def __init__(self, *args: Any, takes_parameters: bool = False, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.takes_parameters = takes_parameters
        """Whether the flow's parameters are options of this command."""
        self.ignore_unknown_options = self.allow_extra_args = takes_parameters  # those of the flow's first step
        self.params.append(click.Option(["--debug"], is_flag=True, expose_value=False, help=DEBUG_HELP))

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Find the flow, then let click read the other words."""
        rest = super().parse_args(ctx, self.settle(ctx, args))
        found = ctx.find_object(FlowContext)
        if self.takes_parameters and found is not None:
            ctx.obj = replace(found, given=given(ctx, found.params, rest))
        return rest

    def settle(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Give `ctx` its FlowContext and return the words that do not name the flow.

        Raises CommandLineError where none of them does.
        """
        if ctx.find_object(FlowContext) is not None:
            return args
        place = place_of_flow(args, self._with_values())
        if place is None:
            if ctx.resilient_parsing or set(HELP) & set(args):
                return args
            raise CommandLineError("no flow is named.", hint=f"Write: {ctx.command_path} FILE.py")
        ctx.meta[TARGET] = args[place]
        rest = [*args[:place], *args[place + 1 :]]
        if ctx.resilient_parsing:  # a shell completes a word; nothing of the author's is run for that
            return rest
        flow, file = load_flow(args[place])
        sys.argv = [file, str(ctx.info_name), *rest]
        ctx.obj = FlowContext(flow)
        return rest

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Options, those of the flow's parameters too; before a flow is named, flow files."""
        found = super().shell_complete(ctx, incomplete)
        if incomplete.startswith("-"):
            known = {item.value for item in found}
            words = self.completed_options(ctx)
            return found + [CompletionItem(w) for w in words if w.startswith(incomplete) and w not in known]
        return found + complete_flow(ctx, None, incomplete)

    def completed_options(self, ctx: click.Context) -> list[str]:
        """Options that click does not know of while a shell completes a word."""
        return options_of(ctx.meta[TARGET]) if self.takes_parameters and TARGET in ctx.meta else []

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """The command's own options, then the flow's parameters."""
        own = super().get_params(ctx)
        if not self.takes_parameters:
            return own
        found = ctx.find_object(FlowContext)
        taken = {spelling for option in own for spelling in (*option.opts, *option.secondary_opts)}
        return [*own, *parameter_options(found.params if found else {}, taken)]

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """`FLOW` stands in the usage unless the script says it."""
        by_script = ctx.parent is not None and ctx.parent.find_object(FlowContext) is not None
        return [*([] if by_script else ["FLOW"]), *super().collect_usage_pieces(ctx)]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The command's options and the flow's parameters, each with a heading."""
        params = self.get_params(ctx)
        for heading, wanted in (("Options", False), ("Parameters of the flow", True)):
            options = [param for param in params if isinstance(param, click.Option)]  # words stand in the usage
            members = [option for option in options if isinstance(option, ParameterOption) is wanted]
            records = [record for option in members if (record := option.get_help_record(ctx)) is not None]
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)

    def _with_values(self) -> set[str]:
        """Spellings of the command's options after which a value follows."""
        options = [param for param in self.params if isinstance(param, click.Option) and not param.is_flag]
        return {spelling for option in options for spelling in option.opts}


class CoreCommand(FlowCommand):
    """A command of lokki-core: it reads its words itself."""

    def __init__(
        self, name: str, run: Callable[[Flow[Any], Sequence[str]], int], help: str, options: Sequence[str] = ()
    ) -> None:
        super().__init__(name, help=help)
        self.run = run
        self.core_options = options
        """Its options, for shells that complete them; where there are any, the flow's parameters are options too."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Find the flow and leave the other words alone; without a flow there is only `--help`."""
        rest = self.settle(ctx, args)
        if ctx.resilient_parsing:
            return []
        if ctx.find_object(FlowContext) is None:
            return click.Command.parse_args(self, ctx, ["--help"])
        ctx.args = rest
        return rest

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Core lists them, with a flow at hand."""

    def completed_options(self, ctx: click.Context) -> list[str]:
        """Core's options and the flow's parameters."""
        return [*self.core_options, *(options_of(ctx.meta[TARGET]) if self.core_options and TARGET in ctx.meta else [])]

    def invoke(self, ctx: click.Context) -> int:
        """Let core do it."""
        return self.run(ctx.ensure_object(FlowContext).flow, ctx.args)


def complete_flow(ctx: click.Context, param: click.Parameter | None, incomplete: str) -> list[CompletionItem]:
    """Flow files, while none is named."""
    if TARGET in ctx.meta or ctx.find_object(FlowContext) is not None:
        return []
    return [CompletionItem(word) for word in flow_words(incomplete)]


def complete_run(ctx: click.Context, param: click.Parameter | None, incomplete: str) -> list[CompletionItem]:
    """Flow files while none is named, then runs on this machine."""
    if TARGET not in ctx.meta:
        return complete_flow(ctx, param, incomplete)
    return [CompletionItem(run) for run in local_runs(ctx.meta[TARGET], incomplete)]


def place_of_flow(words: Sequence[str], with_values: Collection[str] = ()) -> int | None:
    """Which word names the flow: the first that looks like a flow file, else the first that is no option."""
    candidates = [
        place
        for place, word in enumerate(words)
        if not word.startswith("-") and not (place and words[place - 1] in with_values)
    ]
    files = [place for place in candidates if ".py" in words[place] and _looks_like_a_file(words[place])]
    return next(iter([*files, *candidates]), None)


def _looks_like_a_file(word: str) -> bool:
    return word.endswith(".py") or word.rpartition(":")[0].endswith(".py")
