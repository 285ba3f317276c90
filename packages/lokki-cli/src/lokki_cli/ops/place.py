"""Where a flow is deployed: its names, AWS, its state machine and its data, each opened when it is first used."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from lokki.config import LokkiConfig
from lokki.errors import ConfigError

from ..aws.clients import AwsSettings, Clients
from ..aws.executions import Executions
from ..aws.names import Names

if TYPE_CHECKING:
    from lokki.store.s3 import S3Store


@dataclass(frozen=True)
class Place:
    """One deployment of one flow. Making this asks nobody."""

    names: Names
    clients: Clients
    bucket: str
    """The bucket of the runs; empty where the configuration names none."""

    @classmethod
    def of(cls, flow: str, config: LokkiConfig) -> Place:
        """Where the flow called `flow` is, as the configuration says."""
        return cls(Names.of(flow, config), Clients(AwsSettings.from_config(config)), config.aws.artifact_bucket)

    @cached_property
    def executions(self) -> Executions:
        """The executions of the flow's state machine. Raises CredentialsError and UnreachableError."""
        who = self.clients.identity
        arn = self.names.state_machine_arn(who.partition, self.clients.settings.region, who.account)
        return Executions(self.clients, arn)

    def need_bucket(self) -> None:
        """Raise ConfigError without a bucket."""
        if not self.bucket:
            raise ConfigError(
                "no bucket is set.",
                key="aws.artifact_bucket",
                hint="Set it in lokki.toml, or the variable LOKKI_ARTIFACT_BUCKET.",
            )

    @cached_property
    def store(self) -> S3Store:
        """The data of the flow's runs. Raises ConfigError without a bucket."""
        self.need_bucket()
        from lokki.store.s3 import S3Store  # noqa: PLC0415  # its client, which not every command needs

        settings = self.clients.settings
        return S3Store(
            settings.endpoint,
            flow_name=self.names.deployed,
            bucket=self.bucket,
            region=settings.region,
            credential_provider=self.clients.credential_provider,
        )
