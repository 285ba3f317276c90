"""Dagster: a dynamic output per item, in one process.

    python dagster_fan.py N memory|stored

`stored` keeps events in the instance below DAGSTER_HOME and values in its files, `memory` keeps neither.
"""

# The library is in an environment of its own.
# mypy: disable-error-code="import-not-found,untyped-decorator"

import os
import sys
from collections.abc import Iterator

from dagster import (
    DagsterInstance,
    DynamicOut,
    DynamicOutput,
    execute_job,
    in_process_executor,
    job,
    op,
    reconstructable,
)


@op(out=DynamicOut())
def numbers() -> Iterator[DynamicOutput[int]]:
    for item in range(int(os.environ["BENCH_N"])):
        yield DynamicOutput(item, mapping_key=str(item))


@op
def double(item: int) -> int:
    return item * 2


@op
def total(items: list[int]) -> int:
    return sum(items)


@job(executor_def=in_process_executor)
def fan() -> None:
    total(numbers().map(double).collect())


def main(n: str, store: str) -> None:
    os.environ["BENCH_N"] = n
    if store == "memory":
        print(fan.execute_in_process().output_for_node("total"))
    else:
        with DagsterInstance.get() as instance, execute_job(reconstructable(fan), instance=instance) as result:
            print(result.output_for_node("total"))


if __name__ == "__main__":
    main(*sys.argv[1:])
