"""`portl init`: asks, or takes flags, and writes a job. What it proposes is thought out in `portl.wizard`."""

from .command import init

__all__ = ["init"]
