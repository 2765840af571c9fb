"""The processes of one session: what a process started as its leader, and all that these started.

A process keeps its session when its parent dies and when it takes another name, as Ray's do; so a
session can be ended whole, where a tree of processes or their names cannot.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress

import psutil

_PATIENCE = 10.0  # seconds; a process that waits for a disk cannot be killed


def members(session: int) -> list[psutil.Process]:
    """The living processes of a session, the caller left out."""
    found = []
    for pid in psutil.pids():
        with suppress(OSError, psutil.Error):
            if pid != os.getpid() and os.getsid(pid) == session:
                process = psutil.Process(pid)
                if process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
    return found


def end_session(session: int) -> None:
    """Kill every process of a session, and what they start meanwhile, but not the caller."""
    deadline = time.monotonic() + _PATIENCE
    while (left := members(session)) and time.monotonic() < deadline:
        for process in left:
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(left, timeout=0.2)
