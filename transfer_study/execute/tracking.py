"""Trackers that a run can tell of its stages, through Ray Tune's own callbacks."""

from __future__ import annotations

import os
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from transfer_study.errors import ExecutionError
from transfer_study.store.runs.host import VARIABLE, names_told

Tracker = Literal["tensorboard", "mlflow", "wandb"]
PACKAGES: dict[Tracker, str] = {
    "tensorboard": "tensorboardX",
    "mlflow": "mlflow",
    "wandb": "wandb",
}


def check_trackers(trackers: Iterable[Tracker], executor: str) -> None:
    """Raise ExecutionError for a tracker that could be told nothing."""
    for tracker in trackers:
        if executor != "ray":
            raise ExecutionError(
                f"--log-to {tracker} works through Ray Tune, and found --executor {executor}; "
                "leave one of them out (what stages say is in the store's logs in any case)"
            )
        if not names_told():
            raise ExecutionError(
                f"--log-to {tracker} keeps the names of machines by itself, which "
                f"{VARIABLE}=no wants kept out; leave one of them out"
            )
        package = PACKAGES[tracker]
        if find_spec(package) is None:
            raise ExecutionError(
                f"--log-to {tracker} needs the package {package}, which is not installed; "
                f"`pip install {package}`"
            )
        if tracker == "wandb" and not _may_use_wandb():
            raise ExecutionError(
                "--log-to wandb finds no key of Weights & Biases; set WANDB_API_KEY, give `wandb "
                "login`, or set WANDB_MODE=offline"
            )


def _may_use_wandb() -> bool:
    """Whether its callback finds what it asks for: it would end the run where it does not."""
    if os.environ.get("WANDB_MODE") in ("offline", "disabled") or os.environ.get("WANDB_API_KEY"):
        return True
    try:
        kept = Path(os.environ.get("NETRC") or Path.home() / ".netrc").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    return "wandb" in kept
