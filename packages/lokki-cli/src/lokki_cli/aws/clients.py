"""boto3 clients, each made when it is first used.

Input: `AwsSettings`. Output: clients that retry by themselves, so that no throttling reaches a user, and `about`,
which turns what they raise into errors with a hint. Importing this module imports nothing of boto3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lokki import environment
from lokki.config import LokkiConfig

from ..__about__ import __version__
from .errors import explained

ATTEMPTS = 20
"""How often a request is tried that AWS throttles or fails at: some minutes, with waits of up to 20 s."""

CONNECT_ATTEMPTS = 3
"""How often a request is tried that reaches nobody."""

EMULATOR_CREDENTIALS = ("test", "test")
"""What an emulator is given where there are no credentials: it believes everybody."""


@dataclass(frozen=True)
class AwsSettings:
    """Where AWS is, and who asks."""

    region: str
    profile: str | None = None
    """A profile of AWS's own configuration files; None: as boto3 finds credentials."""
    endpoint: str | None = None
    """URL of an emulator; None: AWS itself."""

    @classmethod
    def from_config(cls, config: LokkiConfig, profile: str | None = None) -> AwsSettings:
        """As the configuration says. Without `aws.endpoint` AWS's own variable AWS_ENDPOINT_URL counts."""
        endpoint = config.aws.endpoint or environment.get("AWS_ENDPOINT_URL")
        return cls(region=config.aws.region, profile=profile, endpoint=endpoint)

    @property
    def place(self) -> str:
        """Where requests go, as messages say it: `eu-west-1`, or `eu-west-1 at http://…`."""
        return f"{self.region} at {self.endpoint}" if self.endpoint else self.region


@dataclass(frozen=True)
class Identity:
    """Who asks, as AWS sees it."""

    account: str
    """Twelve digits."""
    arn: str
    partition: str
    """`aws`, `aws-cn`, `aws-us-gov`."""


@dataclass(frozen=True)
class Clients:
    """The clients of one command. Making this does no work; threads may share clients, but not their making."""

    settings: AwsSettings

    def about(self, subject: str) -> AbstractContextManager[None]:
        """Around every request: what AWS answers is raised as an OperationError about `subject`, as `stack 'x'`."""
        return explained(subject, self.settings)

    @cached_property
    def cloudformation(self) -> Any:
        """CloudFormation."""
        return self._client("cloudformation")

    @cached_property
    def stepfunctions(self) -> Any:
        """Step Functions."""
        return self._client("stepfunctions")

    @cached_property
    def s3(self) -> Any:
        """S3."""
        return self._client("s3")

    @cached_property
    def logs(self) -> Any:
        """CloudWatch Logs."""
        return self._client("logs")

    @cached_property
    def ecr(self) -> Any:
        """The container registry."""
        return self._client("ecr")

    @cached_property
    def sts(self) -> Any:
        """Who asks."""
        return self._client("sts")

    @cached_property
    def lambda_(self) -> Any:
        """Lambda."""
        return self._client("lambda")

    @cached_property
    def batch(self) -> Any:
        """Batch."""
        return self._client("batch")

    @cached_property
    def scheduler(self) -> Any:
        """EventBridge Scheduler."""
        return self._client("scheduler")

    @cached_property
    def identity(self) -> Identity:
        """Who asks; the first question of a command, which finds out whether there are credentials that work.

        Raises CredentialsError, UnreachableError.
        """
        with self.about("AWS"):
            answer = self.sts.get_caller_identity()
        return Identity(str(answer["Account"]), str(answer["Arn"]), str(answer["Arn"]).split(":")[1])

    @property
    def credential_provider(self) -> Callable[[], Mapping[str, Any]]:
        """What `lokki.store.s3.S3Store` is given: the same credentials, asked for anew whenever it wants some."""
        return self._credentials

    def _credentials(self) -> Mapping[str, Any]:
        with self.about("AWS"):
            found = self._session.get_credentials()
            if found is None:
                key, secret = self._stand_in()
                return {"access_key_id": key, "secret_access_key": secret, "token": None, "expires_at": None}
            frozen = found.get_frozen_credentials()
        expires = getattr(found, "_expiry_time", None)
        return {
            "access_key_id": frozen.access_key,
            "secret_access_key": frozen.secret_key,
            "token": frozen.token,
            "expires_at": expires,
        }

    def _stand_in(self) -> tuple[str, str]:
        """Credentials where there are none. Raises botocore's NoCredentialsError where AWS itself is asked."""
        if self.settings.endpoint:
            return EMULATOR_CREDENTIALS
        from botocore.exceptions import NoCredentialsError  # noqa: PLC0415  # boto3 is loaded by now

        raise NoCredentialsError

    @cached_property
    def _session(self) -> Any:
        """boto3's session: a second of imports, so only now."""
        import boto3  # noqa: PLC0415  # see above

        with self.about("AWS"):
            return boto3.Session(profile_name=self.settings.profile, region_name=self.settings.region)

    def _client(self, service: str) -> Any:
        settings = self.settings
        with self.about("AWS"):
            session = self._session
            given: dict[str, Any] = {}
            if settings.endpoint and session.get_credentials() is None:
                given["aws_access_key_id"], given["aws_secret_access_key"] = EMULATOR_CREDENTIALS
            client = session.client(service, endpoint_url=settings.endpoint, config=_config(settings), **given)
        client.meta.events.register_first("needs-retry", _give_up_on_silence)
        return client


def _config(settings: AwsSettings) -> Any:
    from botocore.config import Config  # noqa: PLC0415  # boto3 is loaded by now

    own: dict[str, Any] = {}
    if settings.endpoint:  # one address for everything: no bucket and no service before it
        own = {"inject_host_prefix": False, "s3": {"addressing_style": "path"}}
    return Config(
        retries={"mode": "adaptive", "total_max_attempts": ATTEMPTS},
        connect_timeout=10,
        read_timeout=60,
        user_agent_extra=f"lokki-cli/{__version__}",
        **own,
    )


def _give_up_on_silence(attempts: int, caught_exception: Exception | None, **_: object) -> None:
    """botocore's hook before a retry: an address nobody answers at is a mistake more often than an outage."""
    from botocore.exceptions import ConnectionError, HTTPClientError  # noqa: PLC0415  # boto3 is loaded by now

    if isinstance(caught_exception, (ConnectionError, HTTPClientError)) and attempts >= CONNECT_ATTEMPTS:
        raise caught_exception
