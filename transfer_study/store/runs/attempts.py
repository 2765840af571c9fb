"""Whose an attempt is: the names of directories that are being written."""

from __future__ import annotations

import hashlib
import os
import re
from contextlib import suppress
from functools import cache
from pathlib import Path
from uuid import uuid4

from transfer_study.store.runs.host import host_name, own_names

# stage@host@process@attempt: whose directory it is, the host with its space of processes.
_ATTEMPT = re.compile(r".+@(?P<host>[^@]+)@(?P<process>\d{1,9})@(?P<attempt>[0-9a-f]{8})")
_over: set[str] = set()


def new_attempt(label: str) -> str:
    """A name for a directory of this process, which no other has."""
    return f"{label}@{this_host()}@{os.getpid()}@{uuid4().hex[:8]}"


def end_attempt(attempt: str) -> None:
    """An attempt of this process is over, whatever is still there of it."""
    _over.add(attempt)


def is_abandoned(attempt: str) -> bool:
    """Whether an attempt is known here to be over, or of a process that is gone."""
    if attempt in _over:
        return True
    made = _ATTEMPT.fullmatch(attempt)
    own = {f"{name}~{_space()}" for name in own_names()}
    return bool(made and made["host"] in own and not _lives(int(made["process"])))


def owner(attempt: str) -> tuple[str, str] | None:
    """The host and the number of the process that an attempt is of; None of what is no attempt."""
    made = _ATTEMPT.fullmatch(attempt)
    return (made["host"], made["process"]) if made else None


def this_host() -> str:
    """The name of this machine, and what tells its processes from those of the same number.

    Those are of containers on it, of other machines of that name, or of before it was started anew.
    """
    return f"{host_name()}~{_space()}"


@cache
def _space() -> str:
    """A hash of when this machine was started and of the processes that this one sees of it."""
    said = ""
    with suppress(OSError):  # other systems say neither
        said += Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
        said += str(Path("/proc/self/ns/pid").readlink())
    return hashlib.sha256(said.encode()).hexdigest()[:8]


def _lives(process: int) -> bool:
    """Whether there is such a process; one that ended and that nobody has asked after is none."""
    import psutil  # which few commands need

    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
