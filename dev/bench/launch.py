"""Runs one command and writes down how long it took, how it ended and how much memory it used at its peak.

    python -I -S launch.py REPORT TIMEOUT_S COMMAND...

A new process starts with the peak memory of the one it was forked from, so the starter has to be small: this
file imports built-in modules only, and runs as a process of its own.
"""

from __future__ import annotations

import os
import signal
import sys
import time


def main(report: str, timeout_s: str, *command: str) -> None:
    begun = time.perf_counter()
    pid = os.fork()
    if pid == 0:
        os.setsid()
        os.execv(command[0], command)  # noqa: S606  # the command is the caller's own
    signal.signal(signal.SIGALRM, lambda *_: os.killpg(pid, signal.SIGKILL))
    signal.setitimer(signal.ITIMER_REAL, float(timeout_s))
    _, status, usage = os.wait4(pid, 0)
    seconds = time.perf_counter() - begun
    with open(report, "w", encoding="ascii") as file:  # pathlib would be the largest import here
        file.write(f"{seconds} {os.waitstatus_to_exitcode(status)} {usage.ru_utime + usage.ru_stime} {usage.ru_maxrss}")


main(*sys.argv[1:])
