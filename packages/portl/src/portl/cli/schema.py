"""`portl schema`."""

from __future__ import annotations

import json

import click

from ..model.documentation import schema as job_schema
from . import ui
from .options import debug


@click.command()
@debug
def schema() -> None:
    """Print the JSON Schema of job files. Editors complete and check by it:

    # yaml-language-server: $schema=portl.schema.json
    """
    document = {"$schema": "https://json-schema.org/draft/2020-12/schema", **job_schema()}
    ui.out(json.dumps(document, indent=2, ensure_ascii=False))
