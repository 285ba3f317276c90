"""Amazon's container registry: whether a repository and an image are there, and how Docker signs in.

Input: `Clients` and a repository as `aws.image_repository` has it. Raises OperationError.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, replace
from typing import Any

from ..errors import MissingResourceError
from .clients import Clients

_ECR = re.compile(
    r"(?P<registry>(?P<account>\d{12})\.dkr\.ecr(-fips)?\.(?P<region>[a-z0-9-]+)\.[^/]+)/(?P<name>[^:@]+)"
)


@dataclass(frozen=True)
class EcrRepository:
    """A repository of ECR."""

    registry: str
    """`123456789012.dkr.ecr.eu-west-1.amazonaws.com`."""
    account: str
    region: str
    name: str

    @classmethod
    def parse(cls, repository: str) -> EcrRepository | None:
        """The repository that `registry/name` or `registry/name:tag` is; None where it is no registry of Amazon's."""
        found = _ECR.match(repository)
        return cls(found["registry"], found["account"], found["region"], found["name"]) if found else None


@dataclass(frozen=True)
class SignIn:
    """What `docker login` is given."""

    registry: str
    user: str
    password: str

    def __repr__(self) -> str:
        return f"SignIn({self.registry!r})"


def repository_exists(clients: Clients, repository: EcrRepository) -> bool:
    """Whether there is such a repository."""
    try:
        with clients.about(f"repository '{repository.name}'"):
            _ecr(clients, repository).describe_repositories(
                registryId=repository.account, repositoryNames=[repository.name]
            )
    except MissingResourceError:
        return False
    return True


def image_digest(clients: Clients, repository: EcrRepository, tag: str) -> str:
    """`sha256:…` of the image with this tag; empty where there is none."""
    try:
        with clients.about(f"image '{repository.name}:{tag}'"):
            found = _ecr(clients, repository).describe_images(
                registryId=repository.account, repositoryName=repository.name, imageIds=[{"imageTag": tag}]
            )
    except MissingResourceError:
        return ""
    return str(found["imageDetails"][0]["imageDigest"])


def sign_in(clients: Clients, repository: EcrRepository) -> SignIn:
    """Credentials for the registry, good for some hours."""
    with clients.about(f"registry {repository.registry}"):
        data = _ecr(clients, repository).get_authorization_token()["authorizationData"][0]
    user, _, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
    return SignIn(repository.registry, user, password)


def _ecr(clients: Clients, repository: EcrRepository) -> Any:
    """The client of the repository's own region."""
    settings = clients.settings
    if repository.region == settings.region:
        return clients.ecr
    return Clients(replace(settings, region=repository.region)).ecr
