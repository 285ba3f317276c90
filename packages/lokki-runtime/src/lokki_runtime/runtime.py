"""What lives as long as the process: settings, the store, the flow's code.

Input: `Settings`. Output: `Runtime`. Opening a part makes no request; `prepare` fetches secrets and imports the flow.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from lokki.clock import SYSTEM_CLOCK, Clock
from lokki.errors import WireError
from lokki.wire import WIRE_VERSION, LambdaEvent

from .deployment import read_deployment
from .logs import Log
from .program import FlowProgram, Program
from .roles import COLLECT, Role
from .secrets import MakeClient, boto3_client, fetch_secrets
from .settings import Settings, add_variables

if TYPE_CHECKING:
    from lokki.store.protocol import TransientStore


class Runtime:
    """One function or container. What fails to open is tried again at the next event."""

    def __init__(
        self,
        settings: Settings,
        *,
        store: TransientStore | None = None,
        program: Program | None = None,
        clock: Clock = SYSTEM_CLOCK,
        log: Log | None = None,
        container: bool = False,
        make_client: MakeClient | None = None,
        set_variables: Callable[[dict[str, str]], None] = add_variables,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.log = log or Log(settings.log_level, clock=clock)
        self.container = container
        """Whether this is a Batch container, where nobody else applies the step's policy."""
        self._store = store
        self._program = program
        self._make_client = make_client or boto3_client(settings.endpoint)
        self._set_variables = set_variables
        self._prepared = False

    def prepare(self) -> None:
        """Fetch the secrets and import the flow, once. Raises LokkiError."""
        if self._prepared:
            return
        program = self.program
        arns = self.settings.secret_arns()
        if arns:
            self._set_variables(fetch_secrets(arns, self._make_client))
        program.load()
        self._prepared = True

    @cached_property
    def program(self) -> Program:
        """The flow's code. Raises WireError and DeploymentError."""
        self.settings.check_wire()
        if self._program is not None:
            return self._program
        root = self.settings.task_root
        return FlowProgram(read_deployment(root), root)

    @cached_property
    def flow_name(self) -> str:
        """The deployed flow's name, which begins every key."""
        return self.settings.flow_name or self.program.deployed_name

    @cached_property
    def store(self) -> TransientStore:
        """The run's data; only this flow's can be touched. Raises ConfigError and MissingPackageError."""
        if self._store is not None:
            return self._store
        from lokki.store.s3 import S3Store  # noqa: PLC0415  # tests and checks need no S3

        settings = self.settings
        return S3Store(settings.endpoint, flow_name=self.flow_name, bucket=settings.bucket, kms_key=settings.kms_key)

    def role(self, event: LambdaEvent) -> Role:
        """What the event's node has to do. Raises WireError where it is not for this function."""
        role = self.program.roles.get(event.node)
        if role is None:
            raise _misdirected(event, f"the flow '{self.program.title}' has no node '{event.node}'")
        own = self.settings.node
        if own is not None and own != event.node and not self._serves(own, role):
            raise _misdirected(event, f"this function serves the node '{own}', but the event is for '{event.node}'")
        role.check_path(event.path)
        return role

    def _serves(self, own: str, role: Role) -> bool:
        """Whether a function made for the node `own` serves `role`: nodes of one step share a function.

        A judge has no step; it is served by a function of judges, or by that of its map's first step.
        """
        task = self.program.roles[own].task if own in self.program.roles else None
        if role.task is None:
            return task is None or f"{own}{COLLECT}" == role.node
        return task is not None and (task.module, task.step) == (role.task.module, role.task.step)


def _misdirected(event: LambdaEvent, what: str) -> WireError:
    message = f"{what}; build and deploy again, so that state machine and functions fit."
    return WireError(message, expected=WIRE_VERSION, found=event.node)
