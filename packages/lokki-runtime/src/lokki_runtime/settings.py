"""What the environment of a function or container says. The only module here that reads it or adds to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

from lokki import environment
from lokki.errors import ConfigError
from lokki.wire import check_wire_version

DEFAULT_TASK_ROOT = "/var/task"


class Settings(NamedTuple):
    """The settings of one function or container."""

    task_root: str = DEFAULT_TASK_ROOT
    """The folder of the flow's files (`LAMBDA_TASK_ROOT`)."""
    flow_name: str | None = None
    """The deployed flow's name, which begins every key (`LOKKI_FLOW_NAME`); None for the one in `lokki-flow.json`."""
    node: str | None = None
    """The node this function was made for (`LOKKI_NODE`); None serves every node."""
    bucket: str | None = None
    """Where the data are (`LOKKI_ARTIFACT_BUCKET`)."""
    wire_version: str | None = None
    """The wire version the builder wrote (`LOKKI_WIRE_VERSION`); None where nobody said."""
    log_level: str = "INFO"
    """The least level that is logged (`LOKKI_LOG_LEVEL`)."""
    kms_key: str | None = None
    """The key that encrypts objects (`LOKKI_KMS_KEY`); None leaves it to the bucket."""
    endpoint: str | None = None
    """The URL of another AWS (`LOKKI_AWS_ENDPOINT`); None for Amazon's, or what `AWS_ENDPOINT_URL` says."""
    secrets: str | None = None
    """{variable: secret's ARN} as JSON (`LOKKI_SECRETS`); None for no secrets."""
    runtime_api: str | None = None
    """Where Lambda's runtime interface listens (`AWS_LAMBDA_RUNTIME_API`); None outside Lambda."""
    event: str | None = None
    """A Batch job's event as JSON (`LOKKI_EVENT`)."""

    @classmethod
    def from_environment(cls, variables: Mapping[str, str] | None = None) -> Settings:
        """Read them; an empty variable counts as none."""
        source = environment.variables() if variables is None else variables
        found = {field: source[name] for field, name in _VARIABLES.items() if source.get(name)}
        return cls(**found)

    def check_wire(self) -> None:
        """Raise WireError where the builder wrote another wire version than this runtime reads."""
        found = self.wire_version
        if found is not None:
            check_wire_version(int(found) if found.isdecimal() else found, "LOKKI_WIRE_VERSION")

    def secret_arns(self) -> dict[str, str]:
        """{variable: secret's ARN, with `:SecretString:<key>` for one key of it}. Raises ConfigError."""
        if self.secrets is None:
            return {}
        try:
            arns = json.loads(self.secrets)
        except ValueError as error:
            raise ConfigError(f"this is no JSON ({error}).", key="LOKKI_SECRETS") from error
        if not isinstance(arns, dict) or not all(isinstance(arn, str) for arn in arns.values()):
            raise ConfigError("an object of ARNs is needed.", key="LOKKI_SECRETS")
        return arns


_VARIABLES = {
    "task_root": "LAMBDA_TASK_ROOT",
    "flow_name": "LOKKI_FLOW_NAME",
    "node": "LOKKI_NODE",
    "bucket": "LOKKI_ARTIFACT_BUCKET",
    "wire_version": "LOKKI_WIRE_VERSION",
    "log_level": "LOKKI_LOG_LEVEL",
    "kms_key": "LOKKI_KMS_KEY",
    "endpoint": "LOKKI_AWS_ENDPOINT",
    "secrets": "LOKKI_SECRETS",
    "runtime_api": "AWS_LAMBDA_RUNTIME_API",
    "event": "LOKKI_EVENT",
}


def add_variables(values: Mapping[str, str]) -> None:
    """Set variables of this process, for the flow's code to read."""
    for name, value in values.items():
        environment.set_variable(name, value)
