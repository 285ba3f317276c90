"""Every error lokki-cli raises on purpose.

    lokki.LokkiError
      CommandLineError          2
      FlowNotFoundError         2
      BrokenCommandError        1
      OperationError            1
        CredentialsError        1
          AccessDeniedError     1
        UnreachableError        1
        ThrottledError          1
        MissingResourceError    1
        NameTakenError          1
        DockerError             1
        StackError              1
        NotDeployedError        1

The number is the exit code of the command line. A message reads *where: what. hint.*
"""

from __future__ import annotations

from lokki.errors import LokkiError


class CommandLineError(LokkiError):
    """The command line is not understood."""

    exit_code = 2


class FlowNotFoundError(LokkiError):
    """No flow, or no single one, is where the command line says."""

    exit_code = 2


class BrokenCommandError(LokkiError):
    """A command that another package brings along cannot be loaded."""


class OperationError(LokkiError):
    """Something outside this process failed or refused."""


class CredentialsError(OperationError):
    """AWS credentials are missing, expired or not accepted."""


class AccessDeniedError(CredentialsError):
    """The credentials work, but may not do this."""


class UnreachableError(OperationError):
    """Nobody answers where AWS, or an emulator, should be."""


class ThrottledError(OperationError):
    """AWS refused every one of many attempts because of its request rates."""


class MissingResourceError(OperationError):
    """A bucket, repository, image, object or run is not there, or is in another region."""


class NameTakenError(OperationError):
    """Something else bears the name already."""


class DockerError(OperationError):
    """Docker is missing, not running, or could not build or push."""


class StackError(OperationError):
    """A CloudFormation stack failed, or is in a state that allows no change."""


class NotDeployedError(OperationError):
    """The flow is not deployed where the configuration says."""
