"""What a run of a study would leave behind: stages that were run, and would be run again otherwise.

A stage's id is the hash of what it depends on, so that a study whose ids differ from those on
record was changed: in its file, its data, its encoder, the precision that this machine chooses, or
this package. A stage is taken for one on record by what people read of it: kind, tasks and seed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transfer_study.files import read_json
from transfer_study.store.recorded import RECORD_FILE
from transfer_study.study.plan import Plan
from transfer_study.study.stage import Stage
from transfer_study.study.tasks.source import SPLITS

_Leaves = dict[str, Any]
_HASH = 8  # so many digits tell hashes apart


@dataclass(frozen=True)
class LeftBehind:
    """How many stages on record would be run again, and what differs: field, was, is."""

    count: int
    fields: tuple[tuple[str, str, str], ...]


def left_behind(
    plan_: Plan, folder: Path, committed: Callable[[], frozenset[str]], todo: Sequence[Stage]
) -> LeftBehind | None:
    """What a results folder records that a plan has no more, and would run again; None for nothing.

    `committed` gives the ids that the store has, `todo` are the stages that the plan would run.
    """
    try:
        record: dict[str, Any] = read_json(folder / RECORD_FILE)
        recorded = {str(stage["id"]): stage for stage in record["stages"]}
        planned = {stage.id for stage in plan_}
        gone = {identity: stage for identity, stage in recorded.items() if identity not in planned}
        if not gone:
            return None
        known = committed()
        was_run: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for identity, stage in gone.items():
            if stage.get("run") is True or identity in known:
                was_run[str(stage["name"])].append(stage["pre_image"])
        found: dict[tuple[str, str, str], None] = {}
        count = 0
        for stage in todo:
            if stage.id not in recorded and was_run[stage.family]:
                count += 1
                every = (tuple(_differences(b, stage)) for b in was_run[stage.family])
                fewest: tuple[tuple[str, str, str], ...] = min(every, key=len)
                found.update(dict.fromkeys(fewest))
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None  # it holds nothing that could be read
    return LeftBehind(count, tuple(found)) if count else None


def _differences(before: Mapping[str, Any], stage: Stage) -> Iterator[tuple[str, str, str]]:
    """What differs between a pre-image and a stage's, but for what it starts from."""
    after: Mapping[str, Any] = stage.pre_image
    yield from _of_tasks(before, stage)
    for key in ("encoder", "schema", "texts", "recipe"):
        was, is_ = _leaves(before.get(key), key), _leaves(after.get(key), key)
        for field in sorted(was.keys() | is_.keys()):
            if was.get(field) != is_.get(field):
                yield _named(field, stage), _text(was.get(field)), _text(is_.get(field))


def _of_tasks(before: Mapping[str, Any], stage: Stage) -> Iterator[tuple[str, str, str]]:
    """What differs in each task; they are in an order of their content, which may be another."""
    left = [_leaves(task, "") for task in before["tasks"]]
    for member in stage.tasks:
        is_ = _leaves(member.identity, "")
        was = min(left, key=lambda leaves: len(_unlike(leaves, is_)), default={})
        if was in left:
            left.remove(was)
        fields = _unlike(was, is_)
        splits = [split for split in SPLITS if f"data.{split}.sha256" in fields]
        name = member.task.name
        for split in splits:
            yield f"the {split} rows of {name}", _rows(was, split), _rows(is_, split)
        for field in fields:
            if not field.startswith("data.") or (not splits and field == "data.key"):
                yield f"tasks.{name}.{field}", _text(was.get(field)), _text(is_.get(field))


def _unlike(was: _Leaves, is_: _Leaves) -> list[str]:
    return sorted(f for f in was.keys() | is_.keys() if was.get(f) != is_.get(f))


def _leaves(value: Any, path: str) -> _Leaves:
    """The values of a nest of mappings by their paths."""
    if not isinstance(value, Mapping):
        return {path: value}
    found: _Leaves = {}
    for key, inner in value.items():
        found.update(_leaves(inner, f"{path}.{key}".lstrip(".")))
    return found


def _rows(leaves: _Leaves, split: str) -> str:
    n, sha256 = leaves.get(f"data.{split}.n"), leaves.get(f"data.{split}.sha256")
    return f"{n} of sha256 {str(sha256)[:_HASH]}"


def _named(field: str, stage: Stage) -> str:
    if field == "encoder":
        return f"the content of the encoder {stage.encoder.name}"
    if field in ("schema", "recipe.version"):
        return "the version of transfer-study's learning code"
    return field.replace("recipe.", f"{stage.kind}.", 1).replace("texts.", "pretrain.texts.", 1)


def _text(value: Any) -> str:
    if value is None:
        return "not set"
    said = str(value)
    return said[:_HASH] if len(said) == 64 else said
