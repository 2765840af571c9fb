"""What a study's results folder remembers of its plan, so that reading needs no corpora."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Annotated, Any

from pydantic import AliasPath, BaseModel, ConfigDict, Field, TypeAdapter

from transfer_study.errors import StoreError
from transfer_study.files import parse_json, read_json
from transfer_study.store.storage.file_system import DISK, make_folders, replace
from transfer_study.store.store import Store
from transfer_study.study.fingerprint import Fingerprints
from transfer_study.study.frozen import content_hash
from transfer_study.study.plan import Plan, plan
from transfer_study.study.preview import Preview
from transfer_study.study.stage import Stage
from transfer_study.study.study import Study
from transfer_study.study.tasks.source import DatasetsSource, FileSource

RECORD_FILE = "stages.json"
PREDICTIONS_FILE = "predictions.parquet"  # store/compact.py
_SCHEMA = 2


def write_record(plan_: Plan, folder: Path, answered: Callable[[Stage], bool]) -> None:
    """Keep the plan's fingerprints and the pre-image of every stage in a results folder.

    And which stages have `answered`, now or when the folder was written before.
    """
    content = _record(plan_, recorded_as_run(folder), answered)
    make_folders(DISK, folder)
    replace(DISK, folder / RECORD_FILE, content, folder / f".{RECORD_FILE}")


def keep_plan(plan_: Plan, store: Store) -> None:
    """Keep the plan in the store, for who does not see the results folder.

    What has answered is seen there, so that the same plan is kept as it was.
    """
    key, content = f"plans/{plan_.study.name}.json", _record(plan_, frozenset(), lambda _: False)
    if store.notes.read(key) != content:
        with store.scratch("plan") as aside:
            store.notes.write(key, content, aside, lasting=True)


def _record(plan_: Plan, once: Collection[str], answered: Callable[[Stage], bool]) -> bytes:
    study, looks = plan_.study, plan_.looks
    if looks is not None:  # what was written has the first look's seeds
        study = study.model_copy(update={"seeds": looks.seeds[: looks.counts[0]]})
    record = {
        "schema": _SCHEMA,
        "study": study.name,
        "definition": _without_places(study),
        "fingerprints": plan_.fingerprints.model_dump(mode="json", exclude_none=True),
        "stages": [
            {
                "id": s.id,
                "name": s.family,
                "run": s.id in once or answered(s),
                "pre_image": s.pre_image,
            }
            for s in (plan_ if plan_.choice is None else plan(study, plan_.fingerprints))
        ],
    }
    return (json.dumps(record, indent=1) + "\n").encode()


def recorded_plan(study: Study, folder: Path) -> Plan | None:
    """The plan of a study by the fingerprints of its last run; None where its inputs changed."""
    try:
        return _plan_of(study, read_json(folder / RECORD_FILE))
    except (OSError, ValueError):
        return None


def kept_plan(study: Study, store: Store) -> Plan | None:
    """The same, by what is kept in the store."""
    try:
        return _plan_of(study, parse_json(store.notes.read(f"plans/{study.name}.json") or b""))
    except ValueError:
        return None


def _plan_of(study: Study, record: Any) -> Plan | None:
    try:
        # Both as this version reads them, so that a key which it has added changes nothing.
        recorded = Study.model_validate(record["definition"])
        if record["schema"] != _SCHEMA or _inputs(recorded) != _inputs(study):
            return None
        return plan(study, Fingerprints.model_validate(record["fingerprints"]))
    except (OSError, ValueError, LookupError, TypeError):
        return None


def is_recorded_otherwise(study: Study, folder: Path) -> bool:
    """Whether a results folder is of another study than this, as one with changed settings is."""
    try:
        return bool(read_json(folder / RECORD_FILE)["definition"] != _without_places(study))
    except (OSError, ValueError, LookupError, TypeError):
        return False  # it holds nothing that could be read


def recorded_preview(folder: Path) -> Preview | None:
    """What a results folder is a preview of, and with what is left of that; None for a study."""
    try:
        return Preview.model_validate(read_json(folder / RECORD_FILE)["definition"]["preview"])
    except (OSError, ValueError, LookupError, TypeError):
        return None


def recorded_as_run(folder: Path) -> frozenset[str]:
    """The ids of the stages that had answered when a results folder was last written."""
    try:
        stages = read_json(folder / RECORD_FILE)["stages"]
        return frozenset(str(stage["id"]) for stage in stages if stage.get("run") is True)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return frozenset()


class RecordedStage(BaseModel):
    """A stage as a results folder records it, and the ids of those it starts from or learns from.

    Whatever version has written it.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    parents: Annotated[
        tuple[str, ...], Field(validation_alias=AliasPath("pre_image", "parents"))
    ] = ()


def recorded_stages(folder: Path) -> list[RecordedStage]:
    """The stages of a study as last run, parents first; none where the folder has no record.

    Raises StoreError for a record that cannot be read.
    """
    path = folder / RECORD_FILE
    try:
        stages = read_json(path)["stages"]
        return TypeAdapter(list[RecordedStage]).validate_python(stages)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except (OSError, ValueError, LookupError, TypeError) as error:
        said = " ".join(str(error).split())[:120]
        raise StoreError(
            f"{path} cannot be read ({said}), so that nobody knows what its study still wants; "
            "restore it, or remove it"
        ) from None


def plan_of_record(folder: Path) -> Plan | None:
    """The plan that a results folder records, without its study file; None where it has none.

    The tasks' files are named as below the data root, which is not known.
    """
    try:
        record: dict[str, Any] = read_json(folder / RECORD_FILE)
        study = Study.model_validate(record["definition"])
        made = plan(study, Fingerprints.model_validate(record["fingerprints"]))
    except (OSError, ValueError, LookupError, TypeError):
        return None
    # Another version may read the same words otherwise; looks have added stages to a study's own.
    return made if {s.id for s in made} <= {s["id"] for s in record["stages"]} else None


def _without_places(study: Study) -> dict[str, Any]:
    """What was written of the study, machine paths left out; it reads back with the same stages."""
    said = study.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude={"data"})
    for task, written in zip(study.tasks, said["tasks"], strict=True):
        source = written["source"]
        if isinstance(task.source, FileSource):
            written["source"] = _without_root(source, study)
        elif isinstance(task.source, DatasetsSource):
            source["name"] = _plain(source["name"])
            source.pop("data", None)
    for written in said["encoder"]:
        if "source" in written:
            written["source"] = _plain(written["source"])
        if isinstance((written.get("tiny") or {}).get("texts"), list):
            written["tiny"]["texts"] = [Path(path).name for path in written["tiny"]["texts"]]
    if isinstance((said.get("pretrain") or {}).get("texts"), list):
        said["pretrain"]["texts"] = [Path(path).name for path in said["pretrain"]["texts"]]
    return said


def _plain(source: str) -> str:
    """The name of a hub, or a folder's own name without the way to it."""
    return Path(source).name if Path(source).is_absolute() else source


def _inputs(study: Study) -> dict[str, str]:
    """A hash a task and encoder of what the study says of them, machine paths left out."""
    inputs = {}
    for task in study.tasks:
        said = task.model_dump(mode="json", exclude={"transform"})  # no task of a study has one
        if isinstance(task.source, FileSource):
            said["source"] = _without_root(said["source"], study)
        else:
            said["source"].pop("data", None)
            if isinstance(task.source, DatasetsSource):
                said["source"]["name"] = _plain(task.source.name)
        inputs[f"task {task.name}"] = content_hash(said)
    for encoder in study.encoders:
        said = encoder.model_dump(mode="json")
        if Path(encoder.source).is_absolute():
            said["source"] = Path(encoder.source).name
        if encoder.tiny is not None and not isinstance(encoder.tiny.texts, str):
            said["tiny"]["texts"] = [path.name for path in encoder.tiny.texts]
        inputs[f"encoder {encoder.name}"] = content_hash(said)
    if study.exclude_leaks:
        inputs["leaks"] = "excluded"
    if study.pretrain is not None:
        texts = study.pretrain.texts
        inputs["texts"] = content_hash(
            texts if isinstance(texts, str) else sorted(path.name for path in texts)
        )
    return inputs


def _without_root(source: dict[str, Any], study: Study) -> dict[str, Any]:
    """A source of files, these named as below the root that they have."""
    root = source.get("data") or study.data
    named = {key: value for key, value in source.items() if key != "data"}
    if root is None:
        return named
    files = {k: _relative(named[k], Path(root)) for k in ("folder", "files", "file") if k in named}
    return named | files


def _relative(value: Any, root: Path) -> Any:
    if isinstance(value, dict):
        return {key: _relative(path, root) for key, path in value.items()}
    return Path(os.path.relpath(value, root)).as_posix() if value else value
