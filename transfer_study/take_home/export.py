"""A model of a study taken home: chosen on dev, kept in the store, written, checked, described.

Nothing is written to the folder before the model in it has answered as the study did.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import uuid4

from transfer_study.analysis.effects.model_scores import ModelScore, model_scores
from transfer_study.errors import ExportError, StudyError
from transfer_study.files import check_writable, read_regular, readable_as, writing
from transfer_study.store.chosen import chosen_epoch
from transfer_study.store.predictions import (
    MOST_BYTES,
    Answers,
    StoredAnswers,
    answers_from,
    predictions_file,
)
from transfer_study.store.runs.held import hold
from transfer_study.store.store import Store
from transfer_study.study.plan import Plan
from transfer_study.study.stage import Stage, StageKind, StageTask
from transfer_study.study.tasks.example import Example
from transfer_study.study.tasks.task import Task
from transfer_study.take_home.card import Card
from transfer_study.take_home.choice import (
    BEST,
    Asked,
    Choice,
    candidates_for,
    choose,
    full_mixes,
)

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Wanted:
    """Which model is asked for; without a task it is the full mix, with all heads."""

    task: str | None = None
    arm: str = BEST
    reading: str | None = None
    encoder: str | None = None
    seed: int | None = None
    multi: bool = False
    variant: str | None = None
    size: int | None = None

    @property
    def asked(self) -> Asked:
        """What the model must be of."""
        return Asked(self.arm, self.reading, self.encoder, self.variant, self.size)


@dataclass(frozen=True)
class Exported:
    """The folder that was written, and what its card says."""

    folder: Path
    card: Card


def export_model(
    plan: Plan, store: Store, wanted: Wanted, folder: Path, tell: Tell = lambda _: None
) -> Exported:
    """Write a model of a study into a folder of its own, with a card.

    A stage whose weights are not kept is run again, here; where that run does not agree with the
    committed one (`execute.keep`), the model and the scores of the card are its own, and the card
    says so. Raises StudyError, and leaves the folder as it was, for what cannot be exported.
    """
    _check_free(folder)
    # Of a study under both protocols, the models of the clean one.
    choice = _choose(plan.under(plan.protocols[0]), store, wanted)
    stage = choice.stage
    _check_clean(stage)
    epoch = chosen_epoch(store, stage, wanted.task).epoch
    only = next((m for m in stage.tasks if m.task.name == wanted.task), None)
    by_name = sorted(stage.tasks, key=lambda member: member.task.name)
    heads = by_name if only is None or wanted.multi else [only]
    examples = {member.task.name: _test_examples(member) for member in heads}
    with _snapshot(stage, store, epoch, tell), writing(folder), _new_folder(folder) as aside:
        tell("Writing the model and reading it back.")
        loader, checked = _write(aside, store, stage, epoch, wanted.multi, examples)
        card = Card(
            study=plan.study.name,
            choice=choice,
            epoch=epoch,
            task=None if only is None else only.task,
            heads=tuple(member.task for member in heads),
            pairs=frozenset(m.task.name for m in heads if _on_pairs(m.task, examples[m.task.name])),
            loader=loader,
            scores=_scores(store, choice, epoch, heads),
            checked=checked,
            record=store.snapshot_record(stage, epoch),
        )
        (aside / "README.md").write_text(card.markdown(), encoding="utf-8")
        readable_as(aside / "README.md", aside)
    return Exported(folder, card)


def _check_clean(stage: Stage) -> None:
    """Raise ExportError for a model that saw test, or reads texts as no pipeline gives them."""
    unclean = ("train_on", "selection", "pair_order", "odd_piece", "windows", "tagged_pieces")
    if stage.kind is StageKind.SOFT:
        raise ExportError(
            f"{stage.family} has an encoder a task, which is no one model; export its fine-tuning, "
            "or another arm"
        )
    found = [said for said in stage.recipe.departures() if said.split()[0] in unclean]
    if found:
        raise ExportError(
            f"{stage.family} follows the original study's protocol ({', '.join(found)}), whose "
            "models are chosen on test and read texts in a form of their own; export from a study "
            "with `protocol: clean`"
        )


def _test_examples(member: StageTask) -> tuple[Example, ...]:
    from transfer_study.data.splits import load_planned

    return load_planned(member).test


def _check_free(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        what = "is not empty" if folder.is_dir() else "is a file"
        raise ExportError(f"the folder {folder} {what}; give a new one with --to")
    check_writable(folder, "to")


def _choose(plan: Plan, store: Store, wanted: Wanted) -> Choice:
    if wanted.task is None:
        if not wanted.multi:
            raise ExportError("no model was named; give --task TASK, or --multi for the full mix")
        if wanted.arm != BEST or wanted.reading is not None:
            raise ExportError("--arm and --reading choose among the models of a task; add --task")
        found = full_mixes(plan, wanted.asked)
    else:
        found = candidates_for(plan, wanted.task, wanted.asked)
    return choose(
        found,
        wanted.seed,
        store.is_done,
        lambda stage: chosen_epoch(store, stage, wanted.task).dev,
    )


@contextmanager
def _snapshot(stage: Stage, store: Store, epoch: int, tell: Tell) -> Iterator[None]:
    """Have the whole model of an epoch in the store; nobody removes meanwhile what is made."""
    if store.has_snapshot(stage, epoch):
        yield
        return
    tell(f"The weights of {stage.family} are not kept; running it again.")
    with hold(store, (*_ancestors(stage), stage)):
        _make_snapshot(stage, store, epoch)
        yield


def _make_snapshot(stage: Stage, store: Store, epoch: int) -> None:
    from transfer_study.execute.run_stage import StageFailed, run_stage

    try:
        for parent in _ancestors(stage):
            run_stage(parent, store, keep_model=True)
        run_stage(stage, store, keep_model=False, keep_epoch=epoch)
    except StageFailed as failure:
        if isinstance(failure.__cause__, StudyError):
            raise failure.__cause__ from None
        raise ExportError(
            f"{stage.family} failed when it was run again: {failure}; see {failure.log}"
        ) from failure


def _ancestors(stage: Stage) -> Iterator[Stage]:
    for parent in stage.parents:
        yield from _ancestors(parent)
        yield parent


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """A folder beside the one to be made, which takes its place once it is complete."""
    place = folder.resolve()
    place.parent.mkdir(parents=True, exist_ok=True)
    aside = place.with_name(f".{place.name}-{uuid4().hex[:8]}")
    aside.mkdir()
    try:
        yield aside
        aside.rename(place)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _write(
    folder: Path,
    store: Store,
    stage: Stage,
    epoch: int,
    multi: bool,
    examples: Mapping[str, Sequence[Example]],
) -> tuple[bool, dict[str, int]]:
    """Write a model; whether it has a loader of its own, and how many answers were checked."""
    from transfer_study.execute.run_stage import quiet_libraries
    from transfer_study.take_home import write

    quiet_libraries()
    snapshot = store.checked_snapshot(stage, epoch)
    heads = {place: stage.tasks[place].task for place in map(stage.place, examples)}
    first = next(iter(heads.items()))
    loader = multi or not write.write_pipeline_folder(snapshot, *first, folder)
    if loader:
        write.write_loader_folder(snapshot, heads, folder)
    check = write.check_loader_folder if loader else write.check_pipeline_folder
    return loader, {
        task.name: check(
            folder,
            task,
            examples[task.name],
            _answers(store, stage, epoch, task, "test"),
            stage.recipe.precision,
        )
        for task in heads.values()
    }


def _on_pairs(task: Task, examples: Sequence[Example]) -> bool:
    return not task.kind.words and len(examples[0].text) == 2


def _scores(
    store: Store, choice: Choice, epoch: int, heads: Sequence[StageTask]
) -> list[ModelScore]:
    runs = [stage for stage in choice.candidate.stages if store.is_done(stage)]
    return [
        score
        for member in heads
        for score in model_scores(
            member.task,
            partial(_answers, store, choice.stage, epoch, member.task),
            runs,
            StoredAnswers(store).answers,
        )
    ]


def _answers(store: Store, stage: Stage, epoch: int, task: Task, split: str) -> Answers:
    """What the model of an epoch answers, as the run that left it did."""
    file = store.snapshot_folder(stage, epoch) / predictions_file(stage, task.name, split)
    return answers_from(read_regular(file, MOST_BYTES), file, stage, task.name, split)
