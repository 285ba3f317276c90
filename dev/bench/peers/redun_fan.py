"""redun: a task per item, every value and call recorded in SQLite, as its command line does by default.

    redun run redun_fan.py fan --n N

`cache=False`: what an earlier run recorded is not reused, so that the work is done each time.
"""

# The library is in an environment of its own.
# mypy: disable-error-code="import-not-found,untyped-decorator,no-any-return"

from redun import task

redun_namespace = "bench"


@task(cache=False)
def numbers(n: int) -> list[int]:
    return list(range(n))


@task(cache=False)
def double(item: int) -> int:
    return item * 2


@task(cache=False)
def double_all(items: list[int]) -> list[int]:
    return [double(item) for item in items]


@task(cache=False)
def total(items: list[int]) -> int:
    return sum(items)


@task(cache=False)
def fan(n: int) -> int:
    return total(double_all(numbers(n)))
