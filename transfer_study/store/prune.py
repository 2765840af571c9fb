"""What of a store nothing wants any more, and how it is removed.

Weights are wanted by the unfinished studies that start from them, by what runs, and by studies that
are named. Results are wanted by every study that is known. What is removed is first moved among the
store's attempts as it is, so that no crash leaves half of it in its place: what is left over there
goes with the next run's `sweep`. Links are never followed, and stay.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from transfer_study.errors import StoreError
from transfer_study.files import folder_size
from transfer_study.store.file_system import exists, is_folder, is_link, is_own_folder
from transfer_study.store.held import held
from transfer_study.store.recorded import RecordedStage
from transfer_study.store.store import MODEL, RESULT, SNAPSHOT, Store

_RECORD_OF = {"models": MODEL, "snapshots": SNAPSHOT, "stages": RESULT}
_MOST_JSON = 1 << 28


@dataclass(frozen=True, slots=True)
class Kept:
    """A folder of a store, and the stage whose it is; None of one that has lost its record."""

    part: str  # models, snapshots or stages
    folder: Path
    stage: str | None
    size: int  # bytes


@dataclass(frozen=True, slots=True)
class Prunable:
    """What may go, and what stays by why; `links` are let be, whatever they lead to."""

    unwanted: Sequence[Kept]
    wanted: dict[str, Sequence[Kept]]
    links: Sequence[Path]

    @property
    def size(self) -> int:
        """The bytes that may go."""
        return sum(one.size for one in self.unwanted)


RUNNING, UNFINISHED, NAMED = "running processes", "unfinished studies", "studies that were named"


def prunable(
    store: Store,
    recorded: Iterable[Sequence[RecordedStage]],
    named: Collection[str],
    *,
    results: bool,
) -> Prunable:
    """What nothing wants of the weights in a store, and of its results where these are asked for.

    `recorded` are the studies that were run, `named` the ids of stages whose weights stay too.
    """
    weights = [*_kept(store, "models"), *_kept(store, "snapshots")]
    stages = list(_kept(store, "stages"))
    done = {one.stage for one in stages if one.stage}
    models = {one.stage for one in weights if one.stage and one.part == "models"}
    unfinished, known = set(), set[str]()
    for study in recorded:
        unfinished |= _started_from(study, done, models)
        known.update(stage.id for stage in study)
    using = held(store)
    why = {RUNNING: using, UNFINISHED: unfinished, NAMED: frozenset(named)}
    unwanted: list[Kept] = []
    wanted: dict[str, list[Kept]] = {reason: [] for reason in why}
    for one in weights:
        reason = next((reason for reason, ids in why.items() if one.stage in ids), None)
        (unwanted if reason is None else wanted[reason]).append(one)
    if results:
        known |= {*using, *named}
        unwanted += (one for one in stages if one.stage is not None and one.stage not in known)
    links = [path for part in _RECORD_OF for path in _links(store, part)]
    return Prunable(unwanted, {why: kept for why, kept in wanted.items() if kept}, links)


def remove(store: Store, unwanted: Iterable[Kept]) -> list[Kept]:
    """Remove folders of a store, all but those that something runs with now; returns the removed.

    Raises OSError or StoreError for what cannot be removed, which is then no more in its place.
    """
    removed = []
    with store.scratch("pruned") as aside:
        for n, one in enumerate(unwanted):
            with suppress(FileNotFoundError):  # somebody else was first
                store.disk.rename(one.folder, aside / str(n))
                removed.append((one, aside / str(n)))
        # A run that began meanwhile has said so before it looked for what is here.
        using = held(store)
        for one, moved in removed:
            if one.stage in using and not exists(store.disk, one.folder):
                store.disk.rename(moved, one.folder)
        for part in ("attempts", *_RECORD_OF):
            with suppress(FileNotFoundError):
                store.disk.sync(store.root / part)
        gone = [one for one, moved in removed if exists(store.disk, moved)]
    if exists(store.disk, aside):
        raise StoreError(f"{aside} cannot be removed wholly; it counts for nothing, remove it")
    return gone


def _started_from(
    study: Sequence[RecordedStage], done: Collection[str], models: Collection[str]
) -> set[str]:
    """The stages from whose weights a run of what is missing of a study would start others."""
    wanted: set[str] = set()
    for stage in reversed(study):
        if stage.id not in done or (stage.id in wanted and stage.id not in models):
            wanted.update(stage.parents)
    return wanted


class _Whose(BaseModel):
    model_config = ConfigDict(extra="ignore")

    stage: str


def _kept(store: Store, part: str) -> Iterator[Kept]:
    folder = store.root / part
    if not is_own_folder(store.disk, folder):
        return
    for path in store.disk.entries(folder):
        if is_own_folder(store.disk, path):
            yield Kept(part, path, _whose(store, path / _RECORD_OF[part]), folder_size(path))


def _whose(store: Store, record: Path) -> str | None:
    with suppress(OSError, ValueError):
        return _Whose.model_validate_json(store.disk.read(record, _MOST_JSON)).stage
    return None


def _links(store: Store, part: str) -> Iterator[Path]:
    folder = store.root / part
    if is_link(store.disk, folder):
        yield folder
    elif is_folder(store.disk, folder):
        yield from (path for path in store.disk.entries(folder) if is_link(store.disk, path))
