"""Prefect: a task run per item on its thread pool, tracked by the server it starts itself on loopback.

    python prefect_fan.py N memory|stored

`stored` persists results as pickles, `memory` keeps them in the process only; task states are in SQLite either way.
"""

# The library is in an environment of its own.
# mypy: disable-error-code="import-not-found,untyped-decorator,no-any-return"

import sys

from prefect import flow, task


@task
def numbers(n: int) -> list[int]:
    return list(range(n))


@task
def double(item: int) -> int:
    return item * 2


@task
def total(items: list[int]) -> int:
    return sum(items)


@flow
def fan(n: int) -> int:
    return total(double.map(numbers(n)).result())


if __name__ == "__main__":
    stored = sys.argv[2] == "stored"
    print(fan.with_options(persist_result=stored)(int(sys.argv[1])))
