"""`portl schema`."""

from __future__ import annotations

import json

import click

from . import ui
from .options import debug


@click.command()
@click.option("--run", "of_run", is_flag=True, help="Of what 'portl run --json' prints, instead.")
@debug
def schema(of_run: bool) -> None:
    """Print the JSON Schema of job files. Editors complete and check by it:

    # yaml-language-server: $schema=portl.schema.json
    """
    if of_run:
        from .summary import schema as shape  # noqa: PLC0415  # one of both is wanted
    else:
        from ..model.documentation import schema as shape  # noqa: PLC0415  # as above
    document = {"$schema": "https://json-schema.org/draft/2020-12/schema", **shape()}
    ui.out(json.dumps(document, indent=2, ensure_ascii=False))
