"""`bootstrap`: a bucket and a repository for images, once per account and region."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from lokki.clock import SYSTEM_CLOCK

from .. import consent, ui
from ..aws.clients import AwsSettings, Clients
from ..flowcommand import DEBUG_HELP, PlainHelp
from ..ops import bootstrap as ops
from ..ops import configfile
from ..ops.bootstrap import Places, Wanted
from ..ops.stack import Proposal
from ..progress import GOES_ON, shown
from ..target import Target, account_config, account_options
from .proposing import show_diff, withdraw

EXAMPLES = """\b
Examples:
  lokki-cli bootstrap
  lokki-cli bootstrap --region eu-west-1 --keep-runs 30 --write
  lokki-cli bootstrap --bucket our-flows --no-repository --confirm
"""

KEEP_HELP = "Delete runs' data after so many days; 0: never (default: 90)."


@click.command(cls=PlainHelp, epilog=EXAMPLES)
@click.option("--bucket", metavar="NAME", help="Name of the bucket (default: lokki-ACCOUNT-REGION).")
@click.option("--repository", metavar="NAME", help="Name of the image repository (default: lokki).")
@click.option("--no-repository", is_flag=True, help="Make no repository: flows are shipped as zips.")
@click.option("--keep-runs", type=click.IntRange(min=0), metavar="DAYS", help=KEEP_HELP)
@click.option("--kms-key", metavar="KEY", help="KMS key that encrypts the bucket (default: S3's own).")
@account_options
@click.option("--write", is_flag=True, help="Write the settings into lokki.toml, instead of only showing them.")
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--confirm", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for each event, the result last.")
@click.option("--debug", is_flag=True, expose_value=False, help=DEBUG_HELP)
def bootstrap(
    bucket: str | None,
    repository: str | None,
    no_repository: bool,
    keep_runs: int | None,
    kms_key: str | None,
    region: str | None,
    profile: str | None,
    endpoint: str | None,
    write: bool,
    dry_run: bool,
    confirm: bool,
    as_json: bool,
) -> int:
    """Make what flows are deployed into: a bucket, and a repository for images.

    A small stack, lokki-bootstrap, once for each account and region: a private, encrypted bucket in which the data of
    runs expire, and an image repository. Doing it again changes what the options say, or nothing. Bucket and
    repository stay when the stack is deleted.

    The settings for lokki.toml are shown at the end; with --write they are put into it.
    """
    clients = Clients(AwsSettings.from_config(account_config(region, endpoint), profile))
    wanted = Wanted(bucket, "" if no_repository else repository, keep_runs, kms_key)
    proposal = shown(ops.prepared(clients, wanted, SYSTEM_CLOCK), as_json=as_json)
    places = ops.existing(clients) if proposal is None else None
    if proposal is not None:
        places = _made(clients, proposal, dry_run=dry_run, confirmed=confirm, as_json=as_json)
        if places is None:
            return 0 if dry_run else 1
    return _told(places or Places("", ""), proposal is not None, write=write, as_json=as_json)


def offered(there: Target, folder: Path, *, confirmed: bool) -> Places | None:
    """Make it for a deployment and write the settings for flows in `folder`; None where the user does not want it.

    What an earlier bootstrap made is used as it is.
    """
    places = ops.existing(there.clients)
    if places is None:
        proposal = shown(ops.prepared(there.clients, Wanted(), SYSTEM_CLOCK))
        if proposal is not None:
            places = _made(there.clients, proposal, dry_run=False, confirmed=confirmed, as_json=False)
    if places is not None:
        _write(places, folder)
    return places


def _made(clients: Clients, proposal: Proposal, *, dry_run: bool, confirmed: bool, as_json: bool) -> Places | None:
    """Show the change, ask, do it; None where nothing was done."""
    try:
        show_diff(proposal.diff, as_json=as_json)
        question = f"Make {ops.STACK} in {clients.settings.place}, account {clients.identity.account}?"
        wanted = not dry_run and consent.given(question, confirmed=confirmed, as_json=as_json)
    except BaseException:
        withdraw(clients, proposal)
        raise
    if not wanted:
        withdraw(clients, proposal)
        ui.note("nothing was changed")
        return None
    return shown(ops.made(clients, proposal, SYSTEM_CLOCK), as_json=as_json, interrupted=GOES_ON)


def _told(places: Places, changed: bool, *, write: bool, as_json: bool) -> int:
    document: dict[str, Any] = {"event": "result", "status": "made" if changed else "up to date", **places.settings}
    if write:
        _write(places, Path.cwd())
    if as_json:
        ui.json_line(document)
    else:
        heading = "bootstrapped" if changed else "it is all there: nothing was changed"
        ui.lines([heading, *configfile.lines(places.settings)])
    return 0


def _write(places: Places, folder: Path) -> None:
    file = configfile.place(folder)
    if file is None:
        ui.warnings([f"the settings are for lokki.toml, but there is a lokki.yml: {', '.join(places.settings)}"])
        return
    configfile.write(file, places.settings)
    ui.note(f"wrote the settings to {file}")
