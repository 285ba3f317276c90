"""Goes back to an earlier deployment: its template and its parameters, and with them the code it ran.

Input: the record of deployments, the kept templates. Output: events; `prepared` gives a `Ready` that
`deploy.deployed` carries out. Raises OperationError where there is nothing to go back to, or it is not there any more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lokki.clock import Clock
from lokki.config import LokkiConfig
from lokki_builder.cfn.compute import zip_name

from ..aws import registry, stacks
from ..aws.artifacts import Bucket
from ..aws.clients import Clients
from ..aws.names import Names
from ..aws.registry import EcrRepository
from ..errors import MissingResourceError, OperationError
from . import history
from .deploy import Ready, Release, compared, tags_of
from .events import Begun, Done, Progress
from .history import Deployment
from .stack import Template


def bucket_of(clients: Clients, names: Names, config: LokkiConfig) -> Bucket:
    """The bucket of a deployed flow, as its stack says. Raises NotDeployedError."""
    stack = stacks.required(clients, names.stack)
    return Bucket(clients, stack.parameters.get("S3Bucket") or config.aws.artifact_bucket, config.aws.kms_key)


def listed(clients: Clients, names: Names, bucket: Bucket) -> tuple[list[Deployment], Deployment | None]:
    """The deployments on record, the last one first, and which of them the stack has now."""
    records = history.read(bucket, names)
    return records[::-1], history.deployed(records, _deployed_template(clients, names))


def prepared(
    clients: Clients, names: Names, config: LokkiConfig, bucket: Bucket, chosen: str | None, clock: Clock
) -> Progress[Ready]:
    """What going back would change; `chosen` is the id of a deployment, None means the previous one."""
    yield Begun("reading the record of deployments")
    found = target(history.read(bucket, names), _deployed_template(clients, names), chosen)
    yield Done(f"going back to the deployment {found.id}")
    key = names.template_key(found.template)
    text = bucket.get(key).decode()
    _check_code(clients, names, bucket, text, found.parameters)
    release = Release(
        names, bucket, Template(text, key), found.parameters, tags_of(names, config), found.restores or found.id
    )
    return (yield from compared(clients, release, clock))


def target(records: Sequence[Deployment], current: str, chosen: str | None) -> Deployment:
    """The deployment to go back to. `current` is the hash of the template that is deployed now.

    Raises OperationError where there is none.
    """
    if chosen is None:
        found = history.before(records, current)
        if found is None:
            raise OperationError(
                "there is no earlier deployment on record.", hint="See: lokki-cli rollback FLOW --list"
            )
        return found
    matching = [record for record in records if record.id == chosen or record.id.startswith(chosen)]
    if not matching:
        raise OperationError(
            f"there is no deployment '{chosen}' on record.", hint="See: lokki-cli rollback FLOW --list"
        )
    return matching[-1]


def _deployed_template(clients: Clients, names: Names) -> str:
    """The hash of the template that the stack has now."""
    return history.template_hash(stacks.template(clients, names.stack))


def _check_code(clients: Clients, names: Names, bucket: Bucket, template: str, parameters: Mapping[str, str]) -> None:
    """Raise where the code that a template runs is not there any more, as far as AWS can be asked."""
    ecr = EcrRepository.parse(parameters.get("ImageRepository", ""))
    tag = parameters.get("ImageTag", "")
    if ecr is not None and not clients.settings.endpoint and not registry.image_digest(clients, ecr, tag):
        raise MissingResourceError(f"image '{ecr.name}:{tag}': it is not in the registry any more.")
    for key in _zips(template):
        if not bucket.has(names.prefix + key):
            raise MissingResourceError(f"{bucket.url(names.prefix + key)}: it is not there any more.")


def _zips(template: str) -> list[str]:
    """Keys, below the flow's prefix, of the zips a template names."""
    folder, suffix = zip_name("|").split("|")
    parts = template.split(f"${{FlowName}}/{folder}")[1:]
    return sorted({f"{folder}{part.partition(suffix)[0]}{suffix}" for part in parts})
