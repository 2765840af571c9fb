"""What a store calls this machine: its name, or a sign in its place where names are to stay out."""

from __future__ import annotations

import hashlib
import os
import socket
from contextlib import suppress
from functools import cache
from pathlib import Path

from transfer_study.errors import StoreError

VARIABLE = "TRANSFER_STUDY_HOST_NAMES"
_TOLD = {"": True, "yes": True, "no": False}


def names_told() -> bool:
    """Whether records, logs and messages name machines; raises StoreError for an unknown word."""
    said = os.environ.get(VARIABLE, "")
    if said not in _TOLD:
        raise StoreError(
            f"the environment variable {VARIABLE} is {said!r}; give `no`, for records without the "
            "names of machines, or `yes`"
        )
    return _TOLD[said]


def host_name() -> str:
    """This machine's name, or a short hash by which it is told apart without being named."""
    return socket.gethostname() if names_told() else _sign(socket.gethostname())


def own_names() -> tuple[str, str]:
    """What this machine may have been called by a process that named machines, or that did not."""
    return socket.gethostname(), _sign(socket.gethostname())


@cache
def _sign(name: str) -> str:
    """A hash of the name and of the system's own secret id, so that no name can be guessed."""
    secret = ""
    with suppress(OSError):  # other systems have none
        secret = Path("/etc/machine-id").read_text(encoding="ascii")
    return f"host-{hashlib.sha256((name + secret).encode()).hexdigest()[:8]}"
