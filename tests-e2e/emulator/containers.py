"""Lambda's containers as tight as Lambda's: a read-only root, an unprivileged user, no capabilities, limited memory.

MiniStack starts them with everything a container may have, and wants AWS's Runtime Interface Emulator inside an image;
here it is mounted, so that images are what they will be on AWS.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from ministack.services import lambda_svc

from . import pool
from .settings import Settings

# For a type checker docker is a folder of this repository.
ContainerCollection: Any = import_module("docker.models.containers").ContainerCollection
Mount: Any = import_module("docker.types").Mount

PLACE = "/usr/local/bin/aws-lambda-rie"
USER = "993:990"
"""Nobody in the image, as in Lambda."""

_function: contextvars.ContextVar[Mapping[str, Any] | None] = contextvars.ContextVar("function", default=None)
"""The configuration of the function whose container is being started."""


def install(settings: Settings) -> None:
    """Tighten every container that is started for a function."""
    lambda_svc._is_in_container = False  # a machine whose root came from an image still has the mark of one
    lambda_svc._declared_docker_platform = lambda config: None  # this machine's; what was built here runs here
    lambda_svc._spawn_lambda_container = _knowing_its_function(lambda_svc._spawn_lambda_container)
    pool.install()
    mount = Mount(PLACE, settings.lambda_emulator, type="bind", read_only=True)
    ContainerCollection.run = _tightened(ContainerCollection.run, mount)


def options(function: Mapping[str, Any]) -> dict[str, Any]:
    """What a function's container is started with besides what MiniStack says."""
    memory = f"{function.get('MemorySize', 128)}m"
    storage = (function.get("EphemeralStorage") or {}).get("Size", 512)
    return {
        "read_only": True,
        "tmpfs": {"/tmp": f"rw,nosuid,nodev,mode=1777,size={storage}m"},
        "user": USER,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "mem_limit": memory,
        "memswap_limit": memory,
        "pids_limit": 1024,
    }


def _knowing_its_function(spawn: Callable[..., Any]) -> Callable[..., Any]:
    def known(function: Mapping[str, Any], *arguments: Any, **named: Any) -> Any:
        token = _function.set(function)
        try:
            return spawn(function, *arguments, **named)
        finally:
            _function.reset(token)

    return known


def _tightened(run: Callable[..., Any], mount: Any) -> Callable[..., Any]:
    def tight(self: Any, image: str, *arguments: Any, **named: Any) -> Any:
        function = _function.get()
        if function is not None:
            named |= options(function)
            named["mounts"] = [*named.get("mounts", []), mount]
        return run(self, image, *arguments, **named)

    return tight
