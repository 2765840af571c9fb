"""How much disk a run takes: the weights that it keeps, and what its stages answer.

Weights that a stage of the plan starts from are always kept. Those that a later stage may start
from (of another reading, arm or control) are kept while the store's models stay below a limit,
which is of the place and not of the study: no stage's identity knows of it. What is kept is settled
here, before anything runs, so that workers do not race for the room. Where weights were not kept,
a later run trains their stage again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from transfer_study.data.encoders.size import adapter_bytes, weight_bytes
from transfer_study.execute.cost import work
from transfer_study.files import check_folder
from transfer_study.store.storage.commit_record import Part
from transfer_study.store.store import Store
from transfer_study.study.plan import Plan
from transfer_study.study.recipes.adapter import Adapter
from transfer_study.study.stage import Stage, StageKind

USUAL_LIMIT = 10**10
# Bytes of a file of predictions, of a row of it, and of what else a stage says; as measured.
_FILE, _ROW, _TAGGED_ROW, _RECORDS = 4_000, 20, 60, 6_000


@dataclass(frozen=True, slots=True)
class SizedStages:
    """Stages by their ids, and how many bytes their weights take."""

    ids: frozenset[str]
    bytes: int


@dataclass(frozen=True, slots=True)
class DiskForecast:
    """What the missing stages of a plan will leave in a store; sizes in bytes.

    `needed` are the stages from whose weights the plan starts others, `wished` those of a later
    child for which there is room, `let_go` those for which there is none. `limit` is that of the
    models in the store, which take `models` now.
    """

    needed: SizedStages
    wished: SizedStages
    let_go: SizedStages
    answers_bytes: int
    models: int
    limit: int
    free: int

    @property
    def kept(self) -> frozenset[str]:
        """The stages whose weights are kept."""
        return self.needed.ids | self.wished.ids

    @property
    def fits(self) -> bool:
        """Whether there is room for what the plan itself needs."""
        return self.needed.bytes + self.answers_bytes <= self.free


def forecast(
    plan: Plan, store: Store, limit: int | None, cost: Callable[[Stage], float] = work
) -> DiskForecast:
    """What a run of a plan's missing stages will take.

    The limit in bytes is by default 10 GB, or a tenth of what is free or models' already where
    that is less. Of what a later child may want the weights are kept that cost most to make again
    by their size; a tenth of the free disk is left alone. Raises EncoderError.
    """
    todo = plan.missing(store.is_done, store.has_model)
    place = (store.root / Part.MODELS.folder).resolve()
    free = store.disk.free(check_folder(place, "store"))
    models = store.committed.size(Part.MODELS)
    if limit is None:
        limit = min(USUAL_LIMIT, (free + models) // 10)
    sizes = _sizes(stage for stage in todo if not store.has_model(stage))

    def sized(ids: Iterable[str]) -> SizedStages:
        known = frozenset(ids)
        return SizedStages(known, sum(sizes.get(stage, 0) for stage in known))

    needed = sized(todo.parents() & {stage.id for stage in todo})
    answers = sum(map(_answers, todo))
    room = min(limit - models, free - free // 10 - answers) - needed.bytes
    possible = plan.possible_parents() - needed.ids if limit else frozenset()
    candidates = [stage for stage in todo if stage.id in possible and stage.id in sizes]
    wished, let_go = set(), set()
    for stage in sorted(candidates, key=lambda stage: -cost(stage) / sizes[stage.id]):
        if sizes[stage.id] <= room:
            wished.add(stage.id)
            room -= sizes[stage.id]
        else:
            let_go.add(stage.id)
    return DiskForecast(needed, sized(wished), sized(let_go), answers, models, limit, free)


def _sizes(stages: Iterable[Stage]) -> dict[str, int]:
    """The bytes of the weights that each stage hands on; heads are too small to count."""
    encoders: dict[str, int] = {}
    adapters: dict[tuple[str, Adapter], int] = {}

    def of(stage: Stage) -> int:
        key, adapter = stage.encoder_hash, stage.recipe.adapter
        if adapter is not None and (key, adapter) not in adapters:
            adapters[key, adapter] = adapter_bytes(stage.encoder, adapter)
        beside = 0 if adapter is None else adapters[key, adapter]
        if _on_files(stage):
            return beside
        if key not in encoders:
            encoders[key] = weight_bytes(stage.encoder)
        return beside + encoders[key] * (len(stage.tasks) if stage.kind is StageKind.SOFT else 1)

    return {stage.id: of(stage) for stage in stages}


def _on_files(stage: Stage) -> bool:
    """Whether a stage leaves all weights of the encoder's files as they are."""
    return stage.recipe.adapter is not None and all(map(_on_files, stage.starts))


def _answers(stage: Stage) -> int:
    """About the bytes of what a stage answers and says of itself."""
    every_epoch = stage.recipe.epochs if stage.recipe.selection == "best_test" else 0
    size = _RECORDS
    for member in stage.tasks:
        row = _TAGGED_ROW if member.task.kind.words else _ROW + 3 * len(member.task.outputs)
        tests = 1 + every_epoch
        size += (1 + tests) * _FILE + row * (member.data.dev.n + tests * member.data.test.n)
    return size
