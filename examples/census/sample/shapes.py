"""A healthy module: two classes, four functions."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Circle:
    radius: float

    def area(self) -> float:
        return math.pi * self.radius**2


@dataclass(frozen=True)
class Rectangle:
    width: float
    height: float

    def area(self) -> float:
        return self.width * self.height

    def longer_side(self) -> float:
        if self.width > self.height:
            return self.width
        return self.height


async def largest(shapes: list[Circle | Rectangle]) -> Circle | Rectangle:
    return max(shapes, key=lambda shape: shape.area())
