"""What a results folder remembers of looks: their schedule, and how each edge stood after them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from transfer_study.errors import StoreError
from transfer_study.files import read_json
from transfer_study.store.storage.file_system import DISK, make_folders, replace
from transfer_study.study.frozen import content_hash
from transfer_study.study.looks import Looks
from transfer_study.study.plan import Plan

LOOKS_FILE = "looks.json"
_SCHEMA = 1


def write_looks(first: Plan, looks: Looks, alpha: float, folder: Path) -> None:
    """Keep the looks of a study; `first` is the plan of its own seeds, `alpha` its level."""
    record = {
        "schema": _SCHEMA,
        "study": first.study.name,
        "stages": hash_of_stages(first),
        "max_seeds": len(looks.seeds),
        "alpha": alpha,
        "looks": looks.model_dump(mode="json"),
    }
    make_folders(DISK, folder)
    content = (json.dumps(record, indent=1) + "\n").encode()
    replace(DISK, folder / LOOKS_FILE, content, folder / f".{LOOKS_FILE}")


def read_looks(first: Plan, folder: Path) -> Looks | None:
    """The looks that were fixed for these very stages; None where there are none.

    Raises StoreError for a file that cannot be read.
    """
    path = folder / LOOKS_FILE
    if not path.exists():
        return None
    try:
        record: dict[str, Any] = read_json(path)
        if record["stages"] != hash_of_stages(first):
            return None
        return Looks.model_validate(record["looks"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"{path} cannot be read ({error}); restore it, or remove it to begin anew"
        ) from None


def looked_plan(first: Plan, folder: Path) -> Plan:
    """The plan with the seeds that the looks done have added; as it is where there are none."""
    looks = read_looks(first, folder)
    return first.looked(looks) if looks is not None and looks.done else first


def hash_of_stages(plan: Plan) -> str:
    """A hash of what the study's own seeds compute: another recipe or corpus has other looks."""
    return content_hash(sorted(stage.id for stage in plan))
