"""Metaflow: a process per item, as its local runtime does.

python metaflow_fan.py run --n N --max-workers 2 --max-num-splits N
"""

# The library is in an environment of its own.
# mypy: disable-error-code="import-not-found,untyped-decorator,misc"

from collections.abc import Iterable

from metaflow import FlowSpec, Parameter, step


class FanFlow(FlowSpec):
    n = Parameter("n", type=int)

    @step
    def start(self) -> None:
        self.items = list(range(self.n))
        self.next(self.double, foreach="items")

    @step
    def double(self) -> None:
        self.doubled = self.input * 2
        self.next(self.total)

    @step
    def total(self, inputs: Iterable[FlowSpec]) -> None:
        self.sum = sum(branch.doubled for branch in inputs)
        self.next(self.end)

    @step
    def end(self) -> None:
        print(self.sum)


if __name__ == "__main__":
    FanFlow()
