"""What a results folder remembers of the pairs that were chosen within a budget."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from transfer_study.errors import StoreError
from transfer_study.files import read_json
from transfer_study.store.looked import hash_of_stages, looked_plan
from transfer_study.store.storage.file_system import DISK, make_folders, replace
from transfer_study.study.choice import PairChoice
from transfer_study.study.plan import Plan

CHOICE_FILE = "choice.json"
_SCHEMA = 1


def write_choice(first: Plan, choice: PairChoice, folder: Path) -> None:
    """Keep the pairs chosen so far; `first` is the plan of all pairs."""
    record = {
        "schema": _SCHEMA,
        "study": first.study.name,
        "stages": hash_of_stages(first),
        "choice": choice.model_dump(mode="json"),
    }
    make_folders(DISK, folder)
    content = (json.dumps(record, indent=1) + "\n").encode()
    replace(DISK, folder / CHOICE_FILE, content, folder / f".{CHOICE_FILE}")


def read_choice(first: Plan, folder: Path) -> PairChoice | None:
    """The pairs that were chosen among these very stages; None where all are to be measured.

    Raises StoreError for a file that cannot be read.
    """
    path = folder / CHOICE_FILE
    if not path.exists():
        return None
    try:
        record: dict[str, Any] = read_json(path)
        if record["stages"] != hash_of_stages(first):
            return None
        return PairChoice.model_validate(record["choice"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"{path} cannot be read ({error}); restore it, or remove it to begin anew"
        ) from None


def forget_choice(folder: Path) -> None:
    """Let all pairs be measured from now on."""
    (folder / CHOICE_FILE).unlink(missing_ok=True)


def begun_plan(first: Plan, folder: Path) -> Plan:
    """The plan with the seeds that looks have added, or with the pairs chosen within a budget."""
    choice = read_choice(first, folder)
    return looked_plan(first, folder) if choice is None else first.chosen(choice)
