"""How a command shows Ray who it is, chosen here and not by what Ray happens to find.

A Ray of our own has a token that is made for it and known to its processes alone. A cluster is
shown the token that its user keeps, where there is one; whoever sets RAY_AUTH_MODE has decided.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path

_MODE, _TOKEN, _FILE = "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"


def of_our_own(environment: Mapping[str, str]) -> dict[str, str]:
    """What is set for a Ray that is started here and ends with the command."""
    if _MODE in environment:
        return {}
    return {_MODE: "token", _TOKEN: secrets.token_hex(32)}


def mode_of_cluster(environment: Mapping[str, str]) -> str:
    """How a cluster is joined: by the token that the user keeps, or without where there is none."""
    kept = environment.get(_TOKEN) or environment.get(_FILE) or _kept().is_file()
    return environment.get(_MODE) or ("token" if kept else "disabled")


def described(environment: Mapping[str, str]) -> str:
    """What was chosen and what may be chosen instead, as a part of a sentence."""
    if environment.get(_MODE) == "token":
        place = _TOKEN if environment.get(_TOKEN) else environment.get(_FILE) or str(_kept())
        return (
            f"this command sent the token of {place} ({_MODE}=token); give the one that the "
            f"cluster was started with, or {_MODE}=disabled where it asks for none"
        )
    return (
        f"this command sent no token ({_MODE}=disabled); where the cluster asks for one, set "
        f"{_MODE}=token and {_TOKEN}_PATH"
    )


def _kept() -> Path:
    """Where Ray keeps a user's token."""
    return Path.home() / ".ray" / "auth_token"
