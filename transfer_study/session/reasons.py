"""Why missing stages will run: by what the store holds of stages like them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from transfer_study.store.stage_record import StageRecord
from transfer_study.store.store import Store
from transfer_study.study.stage import Stage


def reasons(missing: Iterable[Stage], store: Store) -> dict[str, str]:
    """Why each missing stage will run, by its id: new, failed before, or what of it changed."""
    alike: dict[str, list[StageRecord]] = {}
    for record in store.records():  # read once, for all the stages
        alike.setdefault(record.family, []).append(record)
    return {stage.id: _why(stage, store, alike.get(stage.family, [])) for stage in missing}


def _why(stage: Stage, store: Store, alike: Sequence[StageRecord]) -> str:
    if store.is_done(stage):
        return "its weights are wanted again"
    if store.failure(stage):
        return "failed before"
    names = [member.task.name for member in stage.tasks]
    now = _by_name(stage.pre_image, names)
    changes = [
        sorted(_differences(_by_name(before.pre_image, before.selected_epoch), now))
        for before in alike
    ]
    if not changes:
        return "new"
    fewest = sorted(changes, key=len)[0]
    if stage.encoder.scratch is not None and "encoder" in fewest:
        # Of an encoder without files this is its shape or, mostly, another task's text.
        fewest[fewest.index("encoder")] = "encoder (its vocabulary follows the texts of `pretrain`)"
    return "changed: " + "; ".join(_with_leaks_told(fewest, stage))


def _with_leaks_told(changed: list[str], stage: Stage) -> list[str]:
    """The changed fields, those of a split that rows were dropped from told in words."""
    told = []
    for member in stage.tasks:
        for split in ("train", "dev"):
            place = f"tasks.{member.task.name}.data.{split}"
            dropped = getattr(member.data, split).left_out
            if dropped and any(field.startswith(place) for field in changed):
                told.append(f"{place} (training rows dropped as leaks: {len(dropped)})")
                changed = [field for field in changed if not field.startswith(place)]
    return [*told, *changed]


def _by_name(content: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """A stage's content with its tasks by their names, which are given in its order."""
    return {**content, "tasks": dict(zip(names, content["tasks"], strict=False))}


def _differences(before: Any, now: Any, key: str = "") -> Iterator[str]:
    if isinstance(before, dict) and isinstance(now, dict):
        for name in {*before, *now}:
            yield from _differences(before.get(name), now.get(name), f"{key}.{name}".lstrip("."))
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for one, other in zip(before, now, strict=True):
            yield from _differences(one, other, key)
    elif before != now:
        short = all(len(str(value)) < 20 for value in (before, now))
        yield f"{key} {before} → {now}" if short else key
