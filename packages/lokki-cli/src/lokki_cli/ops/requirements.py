"""What has to be in an account before a flow can be deployed: a bucket, and for images a repository.

Input: the configuration, `Clients`. Output: `Missing`. Asks S3 and ECR. Raises OperationError.
"""

from __future__ import annotations

from dataclasses import dataclass

from lokki.config import LokkiConfig

from ..aws import registry
from ..aws.artifacts import Bucket
from ..aws.clients import Clients
from ..aws.registry import EcrRepository
from ..errors import MissingResourceError


@dataclass(frozen=True)
class Missing:
    """What is not there; each a sentence, empty for what is."""

    bucket: str = ""
    repository: str = ""

    @property
    def anything(self) -> bool:
        """Whether something is missing."""
        return bool(self.bucket or self.repository)

    @property
    def told(self) -> str:
        """All of it."""
        return " ".join(filter(None, [self.bucket, self.repository]))


def missing(config: LokkiConfig, clients: Clients) -> Missing:
    """What is missing for this configuration. Raises where a bucket is there but cannot be used."""
    return Missing(_bucket(config, clients), _repository(config, clients))


def _bucket(config: LokkiConfig, clients: Clients) -> str:
    name = config.aws.artifact_bucket
    if not name:
        return "There is no bucket for data and builds: aws.artifact_bucket is not set."
    if not Bucket(clients, name).exists():
        return f"There is no bucket '{name}' in {clients.settings.place}."
    return ""


def _repository(config: LokkiConfig, clients: Clients) -> str:
    """An emulator takes local images; AWS takes them from a registry only."""
    if config.lambda_.package_type == "zip" or clients.settings.endpoint:
        return ""
    given = config.aws.image_repository
    if not given:
        return "There is no repository for images: aws.image_repository is not set."
    ecr = EcrRepository.parse(given)
    if ecr is not None and ecr.region != clients.settings.region:
        raise MissingResourceError(
            f"repository '{ecr.name}': it is in {ecr.region}, and Lambda in {clients.settings.region} takes no images"
            " from there.",
            hint="Correct aws.image_repository, aws.region or --region.",
        )
    if ecr is not None and not registry.repository_exists(clients, ecr):
        return f"There is no repository '{ecr.name}' in {ecr.region}."
    return ""
