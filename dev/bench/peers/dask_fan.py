"""A dask bag: nothing stored.

python dask_fan.py N threads|processes
"""

# The library is in an environment of its own.
# mypy: disable-error-code="import-not-found"

import sys

import dask.bag


def double(item: int) -> int:
    return item * 2


if __name__ == "__main__":
    n, scheduler = int(sys.argv[1]), sys.argv[2]
    print(dask.bag.from_sequence(range(n)).map(double).sum().compute(scheduler=scheduler))
