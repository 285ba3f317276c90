"""`graph`: the flow as a picture, in the terminal or in a file."""

from __future__ import annotations

import click

from .. import ui
from ..context import FlowContext, pass_flow
from ..flowcommand import FlowCommand
from ..ops.evaluate import evaluate
from ..ops.graph import FORMATS, drawn, format_of, lines, save

EXAMPLES = """\b
Examples:
  python birds_flow.py graph
  lokki-cli graph birds_flow.py --output birds.svg
  lokki-cli graph birds_flow.py --format mermaid >> README.md
"""


@click.command(cls=FlowCommand, takes_parameters=True, epilog=EXAMPLES)
@click.option("--format", "wanted", type=click.Choice(FORMATS), help="What to draw (default: text, or as FILE ends).")
@click.option("--output", type=click.Path(), metavar="FILE", help="Write it to a file: .svg, .mmd, .txt.")
@pass_flow
def graph(context: FlowContext, wanted: str | None, output: str | None) -> int:
    """Draw the flow: its steps, its maps and what is inside them.

    Boxes say where a step runs, what it asks for and how often it is tried again; frames, what a map runs over, how
    many items at once, and how many may fail. Nothing needs to be installed for it, and no step runs.

    mermaid is text that GitHub, GitLab and many wikis draw. The same flow always gives the same picture.
    """
    assert context.given is not None  # noqa: S101  # it takes parameters
    kind = format_of(wanted, output)
    with ui.results_only():
        resolved = evaluate(context.flow, context.given).resolved
    if output is not None:
        save(output, drawn(resolved.graph, kind))
    elif kind == "text":
        ui.styled(lines(resolved.graph, columns=ui.columns(), ascii_only=not ui.knows_unicode()))
    else:
        ui.text(drawn(resolved.graph, kind))
    return 0
