"""How the things of a flow are called in AWS: all names follow from one, the deployed name.

Input: the flow's name and the configuration. Output: `Names`. Pure. The builder's template uses the same names, as
`${FlowName}` and a suffix.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lokki.config import LokkiConfig
from lokki_builder.cfn.names import physical, stack_name

from ..errors import CommandLineError

HISTORY = "artifacts/deployments/"
TEMPLATES = "artifacts/templates/"
RUNS = "runs/"

_STACK = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,79}")


@dataclass(frozen=True)
class Names:
    """Every name of one deployment."""

    flow: str
    """The flow's own name: `birds-flow`."""
    deployed: str
    """The template's FlowName: `birds-flow-dev`. Stack, state machine and S3 prefix bear it as it is."""

    @classmethod
    def of(cls, flow: str, config: LokkiConfig, chosen: str | None = None) -> Names:
        """The names of the flow called `flow`, in its environment, or as `chosen` (`--stack-name`).

        Raises CommandLineError for a chosen name that AWS would refuse.
        """
        if chosen is not None and not _STACK.fullmatch(chosen):
            raise CommandLineError(
                f"--stack-name '{chosen}': a stack's name begins with a letter, goes on with letters, digits and"
                " hyphens, and has at most 80 characters."
            )
        return cls(flow, chosen or stack_name(flow, config.aws.environment))

    @property
    def stack(self) -> str:
        """The CloudFormation stack."""
        return self.deployed

    @property
    def state_machine(self) -> str:
        """The state machine."""
        return self.deployed

    @property
    def prefix(self) -> str:
        """What all keys of the flow in the bucket begin with: `birds-flow/`."""
        return f"{self.deployed}/"

    @property
    def runs(self) -> str:
        """What the keys of its runs begin with: `birds-flow/runs/`."""
        return self.prefix + RUNS

    @property
    def history(self) -> str:
        """What the keys of its records of deployments begin with."""
        return self.prefix + HISTORY

    def template_key(self, template_hash: str) -> str:
        """Where a deployed template is kept."""
        return f"{self.prefix}{TEMPLATES}{template_hash}.yaml"

    def function(self, step: str) -> str:
        """The Lambda function of a step."""
        return f"{self.deployed}-{physical(step)}"

    def function_log_group(self, step: str) -> str:
        """The log group of a step's Lambda function."""
        return f"/aws/lambda/{self.function(step)}"

    @property
    def batch_log_group(self) -> str:
        """The log group of all Batch jobs."""
        return f"/aws/batch/{self.deployed}"

    @property
    def state_machine_log_group(self) -> str:
        """The log group of the state machine."""
        return f"/aws/vendedlogs/states/{self.deployed}"

    def state_machine_arn(self, partition: str, region: str, account: str) -> str:
        """The state machine's ARN."""
        return f"arn:{partition}:states:{region}:{account}:stateMachine:{self.state_machine}"
