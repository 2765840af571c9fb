"""What of a store nothing wants any more, and how it is removed.

Weights are wanted by the unfinished studies that start from them, by what runs, and by studies that
are named. Results are wanted by every study that is known. What is removed is first moved among the
store's attempts as it is, so that no crash leaves half of it in its place: what is left over there
goes with the next run's `sweep`. Links are never followed, and stay. States in mid-training are
wanted while their stage is missing from a study that is known.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from transfer_study.errors import StoreError
from transfer_study.store.checkpoints import States, kept_states
from transfer_study.store.recorded import RecordedStage
from transfer_study.store.runs.held import held
from transfer_study.store.storage.commit_record import Part
from transfer_study.store.storage.committed import Kept
from transfer_study.store.storage.file_system import exists, is_folder, is_link
from transfer_study.store.store import Store


@dataclass(frozen=True, slots=True)
class Prunable:
    """What may go, and what stays by why; `links` are let be, whatever they lead to.

    `states` in mid-training may go as well: no run goes on from them.
    """

    unwanted: Sequence[Kept]
    wanted: dict[str, Sequence[Kept]]
    links: Sequence[Path]
    states: Sequence[States]

    @property
    def size(self) -> int:
        """The bytes that may go."""
        return sum(one.size for one in self.unwanted) + sum(one.size for one in self.states)


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
    kept = store.committed.kept
    weights = [*kept(Part.MODELS), *kept(Part.SNAPSHOTS)]
    stages = list(kept(Part.RESULTS))
    done = {one.stage for one in stages if one.stage}
    models = {one.stage for one in weights if one.stage and one.part is Part.MODELS}
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
    states = [s for s in kept_states(store) if s.stage not in using]
    states = [s for s in states if s.stage not in known or s.stage in done - unfinished]
    if results:
        known |= {*using, *named}
        unwanted += (one for one in stages if _is_nobodys(one, known))
    links = [path for part in Part for path in _links(store, part)]
    return Prunable(unwanted, {why: some for why, some in wanted.items() if some}, links, states)


def _is_nobodys(one: Kept, known: Collection[str]) -> bool:
    """Whether results are of a stage that nobody knows, or of an attempt that was not committed."""
    return bool(one.attempt) if one.stage is None else one.stage not in known


def remove(store: Store, unwanted: Iterable[Kept]) -> list[Kept]:
    """Remove folders of a store, all but those that something runs with now; returns the removed.

    Raises OSError or StoreError for what cannot be removed, which is then no more in its place.
    """
    committed = store.committed
    with store.scratch("pruned") as aside:
        withdrawn = [one for one in unwanted if committed.withdraw(one, aside)]
        # A run that began meanwhile has said so before it looked for what is here.
        using = held(store)
        gone = [
            one for one in withdrawn if one.stage not in using or not committed.put_back(one, aside)
        ]
        for one in gone:
            committed.discard(one, aside)
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


def _links(store: Store, part: Part) -> Iterator[Path]:
    folder = store.root / part.folder
    if is_link(store.disk, folder):
        yield folder
    elif is_folder(store.disk, folder):
        yield from (path for path in store.disk.entries(folder) if is_link(store.disk, path))
