"""How Ray knows whom to obey: who reaches a cluster that asks for no token can run any code on it.

Chosen here and never left to Ray, which goes by whether a file lies in the user's home, and makes
that file itself. A driver with a token is not understood by the workers of a cluster without one,
which die of it; so a cluster is asked first.
"""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
from pathlib import Path

from transfer_study.errors import ExecutionError

_MODE, _TOKEN, _TOKEN_PATH = "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"
_PATIENCE = 60.0  # seconds


def authentication(address: str | None) -> dict[str, str]:
    """What the environment of a driver says of tokens.

    For Ray on this machine a token that nothing else knows; for a cluster the user's own where it
    asks for one. Raises ExecutionError where cluster and environment do not agree, or where nothing
    listens.
    """
    if address is None:
        return {_MODE: "token", _TOKEN: secrets.token_hex(32)}
    asked = os.environ.get(_MODE, "").lower()
    _knock(address)
    if address.startswith("ray://"):  # not the cluster itself but a deputy of the driver
        return {_MODE: asked or ("token" if _has_token() else "disabled")}
    if _is_admitted(address, "disabled"):
        if asked == "token":
            raise ExecutionError(
                f"the cluster at {address} asks for no token, and RAY_AUTH_MODE=token says that it "
                "must; start it with a token (RAY_AUTH_MODE=token on all its machines), or set "
                "RAY_AUTH_MODE=disabled to trust all who reach it"
            )
        return {_MODE: "disabled"}
    if asked in ("", "token") and _has_token() and _is_admitted(address, "token"):
        return {_MODE: "token"}
    what = (
        "RAY_AUTH_MODE is disabled"
        if asked == "disabled"
        else "that of this user is another"
        if _has_token()
        else "this user has none"
    )
    raise ExecutionError(
        f"the cluster at {address} asks for a token, and {what}; put the cluster's into "
        "~/.ray/auth_token or RAY_AUTH_TOKEN, and set RAY_AUTH_MODE=token"
    )


def _has_token() -> bool:
    files = (os.environ.get(_TOKEN_PATH) or "~/.ray/auth_token",)
    return bool(os.environ.get(_TOKEN)) or any(Path(f).expanduser().is_file() for f in files)


def _knock(address: str) -> None:
    """Raise ExecutionError where nothing listens: Ray itself would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        try:
            socket.create_connection((host, int(port)), timeout=10).close()
        except OSError as error:
            raise _unreachable(address, error) from None


def _is_admitted(address: str, mode: str) -> bool:
    """Whether a cluster answers one who comes with a token, or without."""
    command = [sys.executable, "-m", "ray.scripts.scripts", "health-check", "--skip-version-check"]
    try:
        done = subprocess.run(
            [*command, "--address", address],
            env={**os.environ, _MODE: mode},
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _unreachable(address, f"no answer in {_PATIENCE:.0f} s") from None
    if done.returncode != 0 and "AuthenticationError" not in done.stderr:
        raise _unreachable(address, (done.stderr.strip().splitlines() or ["no answer"])[-1])
    return done.returncode == 0


def _unreachable(address: str, why: object) -> ExecutionError:
    return ExecutionError(
        f"the cluster at {address} cannot be reached ({why}); check the address with `ray status`"
    )
