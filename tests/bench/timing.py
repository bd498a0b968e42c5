"""Finds programs, and times them as whole processes, from start to exit."""

import os
import shutil
import sys
import time
from dataclasses import dataclass

# 1 is "nothing found", for ours and for rg; xargs passes nothing else on.
FOUND_OR_NOT = (0, 1)


@dataclass
class Time:
    """Seconds from start to exit, and seconds of processors."""

    wall: float
    busy: float


def tool(*names: str) -> str:
    """The path of the first of these programs that is installed."""
    for name in names:
        if path := shutil.which(name):
            return path
    sys.exit(f"this benchmark needs {' or '.join(names)}")


def spawn(command: list[str]) -> int:
    """The number of a process that reads nothing and whose output goes nowhere."""
    quiet = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)]
    return os.posix_spawn(command[0], command, os.environ, file_actions=quiet)


def run_once(command: list[str], good: tuple[int, ...] = FOUND_OR_NOT) -> Time:
    begin = time.perf_counter()
    _, status, usage = os.wait4(spawn(command), 0)
    wall = time.perf_counter() - begin
    if os.waitstatus_to_exitcode(status) not in good:
        sys.exit(f"failed: {' '.join(command)}")
    return Time(wall, usage.ru_utime + usage.ru_stime)
