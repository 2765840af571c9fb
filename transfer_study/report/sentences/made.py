"""When, on what and with which versions stages were run and a report was made, in sentences."""

from __future__ import annotations

import platform
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version

import pandas as pd

from transfer_study.points import counted
from transfer_study.report.content import Content
from transfer_study.report.sentences.stopping import endings

_LIBRARIES = ("transfer-study", "python", "torch", "transformers")


def made(content: Content) -> list[str]:
    """What is known of it; nothing of runs that left no record."""
    said = []
    if content.made is not None and len(content.made):
        rows = {str(what): of_one for what, of_one in content.made.groupby("what")}
        versions = [f"{name} {_found(rows[name])}" for name in _LIBRARIES if name in rows]
        parts = [_days(rows["date"])] if "date" in rows else []
        parts += [f"on {_found(rows['device'])}"] if "device" in rows else []
        parts += [f"with {', '.join(versions)}"] if versions else []
        said.append(f"Stages run {' '.join(parts)}.")
        said += endings(content.made)
    if content.reported:
        said.append(f"Report made {content.reported}.")
    return said


def own_provenance() -> str:
    """When and with what a report is made now."""
    try:
        own = version("transfer-study")
    except PackageNotFoundError:  # run from a source tree
        own = "not installed"
    today = datetime.now(timezone.utc).date().isoformat()
    return f"{today} with transfer-study {own}, python {platform.python_version()}"


def _days(rows: pd.DataFrame) -> str:
    first, last = rows["found"].min(), rows["found"].max()
    return str(first) if first == last else f"{first} to {last}"


def _found(rows: pd.DataFrame) -> str:
    """What was found, of several each with its number of stages."""
    if len(rows) == 1:
        return str(rows["found"].iloc[0])
    pairs = zip(rows["found"].astype(str), rows["stages"].astype(int), strict=True)
    return " and ".join(f"{name} ({counted(n, 'stage')})" for name, n in pairs)
