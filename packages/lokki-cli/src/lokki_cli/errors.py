"""Every error lokki-cli raises on purpose.

    lokki.LokkiError
      CommandLineError     2
      FlowNotFoundError    2
      BrokenCommandError   1
      OperationError       1
        CredentialsError   1
        DockerError        1
        StackError         1
        NotDeployedError   1

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
    """AWS credentials are missing, expired or not allowed to do this."""


class DockerError(OperationError):
    """Docker is missing, not running, or could not build or push."""


class StackError(OperationError):
    """A CloudFormation stack failed, or is in a state that allows no change."""


class NotDeployedError(OperationError):
    """The flow is not deployed where the configuration says."""
