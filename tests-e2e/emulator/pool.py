"""The containers that wait for the next event of their function: taken without asking the engine, ended gently.

MiniStack asks the engine for the state of every container before each event, while all others wait; and a function that
is changed loses the containers that are at work, where on AWS they go on to their end.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ministack.services import lambda_svc

docker_errors: Any = import_module("docker.errors")  # for a type checker docker is a folder of this repository

Entry = dict[str, Any]


def install() -> None:
    """Take the place of MiniStack's handling."""
    lambda_svc._pool_acquire = acquire
    lambda_svc._pool_kill_function = kill_function
    lambda_svc._kill_pool_entry = kill


def acquire(key: str, most: int | None) -> tuple[Entry | None, str]:
    """A container that is free, or what to do where there is none.

    One that has died meanwhile is found out by the event it cannot answer, as on AWS.
    """
    with lambda_svc._warm_pool_lock:
        entries: list[Entry] = lambda_svc._warm_pool.setdefault(key, [])
        for entry in entries:
            if not entry["in_use"]:
                entry["in_use"] = True
                return entry, "reused"
        full = most is not None and len(entries) >= most
        return None, "func_cap" if full else "spawn"


def kill_function(account: str, function: str) -> None:
    """A function was changed or deleted: its containers go, but for those at work."""
    idle: list[Entry] = []
    with lambda_svc._warm_pool_lock:
        for key, entries in lambda_svc._warm_pool.items():
            owner, _, name, *_ = key.split(":")
            if (owner, name) == (account, function):
                idle += [entry for entry in entries if not entry["in_use"]]
                entries[:] = [entry for entry in entries if entry["in_use"]]
    for entry in idle:
        kill(entry)


def kill(entry: Entry) -> None:
    """End a container at once: it has nothing to finish. One that is gone already, or going, is as good."""
    try:
        entry["container"].remove(force=True, v=True)
    except docker_errors.APIError as error:
        if error.status_code not in (404, 409):
            raise
