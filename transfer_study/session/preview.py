"""A preview of a study at a share of its work: what is left of it, and what the whole would cost.

Seeds are left out first: one whole seed of a study ranks its edges nearly as the others do, where
stages that learn a tenth as much rank them by chance (docs/sooner.md). What one seed takes too much
is cut from its epochs and training rows alike, each by about the root of the share, but no task is
left fewer updates than it takes to learn at all; and from test examples where predicting them would
take more than a quarter. Stages of which nothing is cut are those of the study itself.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from transfer_study.errors import StudyError
from transfer_study.execute.cost import passes
from transfer_study.session.places import Places
from transfer_study.session.plans import make_plan
from transfer_study.store.recorded import is_recorded_otherwise, recorded_preview
from transfer_study.study.checks.coherence import incoherences
from transfer_study.study.plan import Plan
from transfer_study.study.preview import Preview, epochs_left, preview_name
from transfer_study.study.previewed import previewed
from transfer_study.study.recipes.of_stages import recipes_of
from transfer_study.study.recipes.protocol import Protocol
from transfer_study.study.sizes import data_sets
from transfer_study.study.study import Study
from transfer_study.study.tasks.task import HALVES

if TYPE_CHECKING:
    from transfer_study.data.fingerprints import Rows

# With fewer updates than these a fine-tuned encoder hardly leaves its constant answer.
_LEAST_UPDATES = 48
_LEAST_TEST = 200
_TEST_PART = 0.25
_ROUNDING = 1e-9
_STEPS = 30  # of a bisection
# What takes nearly as much as the study spares nothing.
_MOST_PART = 0.9


@dataclass(frozen=True, slots=True)
class _Load:
    """The rows and epochs of a task in a stage; `pretrains` where these are texts."""

    epochs: int
    train: float
    dev: int
    test: int
    pretrains: bool = False

    def left(self, left: Preview | None) -> float:
        """Its work, in forward passes, or that of its preview."""
        if left is None:
            return passes(self.epochs, self.train, self.dev, self.test)
        epochs = left.epochs_of(self.epochs)
        if self.pretrains:
            return passes(epochs, self.train, 0, 0)
        train = left.train_rows(math.ceil(self.train))
        dev = left.dev_rows(self.dev, math.ceil(self.train))
        return passes(epochs, train, dev, min(self.test, left.test))


def preview_of(study: Study, share: float, rows: Rows) -> Study:
    """The preview of a study at this share of its work, by all rows of its tasks.

    Raises DataError and EncoderError, and StudyError where it has none.
    """
    check_previewable(study)
    name = preview_name(study.name, share)
    whole = make_plan(study, rows)
    preview = previewed(study, _left(whole, share))
    faults = [f"`{'.'.join(map(str, key))}`, {said}" for key, said in incoherences(_said(preview))]
    if faults:
        raise StudyError(f"--fidelity: in {name}, {faults[0]}; give a larger share")
    return preview


def known_preview(study: Study, share: float, places: Places) -> Study:
    """The preview as last run where the study is still the same, without data; else anew."""
    check_previewable(study)
    folder = places.results / preview_name(study.name, share)
    left = recorded_preview(folder)
    if left is not None and left.whole.keys() == data_sets(study).keys():
        preview = previewed(study, left)
        if not is_recorded_otherwise(preview, folder):
            return preview
    from transfer_study.data.fingerprints import read_tasks

    return preview_of(study, share, read_tasks(study))


def check_previewable(study: Study) -> None:
    """Raise StudyError for a study whose recipe is not its own to shorten."""
    if study.protocol is not Protocol.CLEAN:
        raise StudyError(
            f"--fidelity: the study has `protocol: {study.protocol}`, whose recipe is the "
            "original's; set `protocol: clean` to preview it"
        )


def _said(study: Study) -> dict[str, Any]:
    return study.model_dump(mode="json", by_alias=True, exclude_none=True)


def _left(whole: Plan, share: float) -> Preview:
    """What is left: whole seeds where the share is enough for one, else a part of one."""
    n_seeds, loads = len(whole.study.seeds), _loads(whole)
    seeds = max(1, math.floor(share * n_seeds + _ROUNDING))
    part = min(share * n_seeds / seeds, 1.0)  # of the work of as many seeds
    work = sum(count * load.left(None) for load, count in loads.items())
    left = _preview(whole, share, seeds, part, _test_rows(loads, part * work))
    if part < 1:
        left = _with_rows(left, loads, part * work)
    came_to = _work(loads, left) / work * seeds / n_seeds
    if came_to > _MOST_PART:
        raise StudyError(
            f"--fidelity: {whole.study.name} has too little to leave out: a preview by which its "
            f"tasks learn at all takes {came_to:.0%} of its work; run the study itself"
        )
    return left.model_copy(update={"part": came_to})


def _loads(whole: Plan) -> Counter[_Load]:
    loads: Counter[_Load] = Counter()
    for stage in whole:
        recipe = stage.recipe
        for member in stage.tasks:
            data, change = member.data, member.task.transform
            train = data.train.n * (0.5 if change and change.change in HALVES else 1.0)
            if recipe.epoch_updates is not None:
                train = float(recipe.epoch_updates * recipe.batch_size)
            loads[_Load(recipe.epochs, train, data.dev.n, data.test.n)] += 1
        if stage.masked_texts is not None:
            n = stage.masked_texts.content.n
            loads[_Load(recipe.epochs, n, 0, 0, pretrains=True)] += 1
    return loads


def _work(loads: Counter[_Load], left: Preview) -> float:
    return sum(count * load.left(left) for load, count in loads.items())


def _test_rows(loads: Counter[_Load], budget: float) -> int:
    """How many test examples of each task take a part of the work at the most, or the fewest."""
    most = max(load.test for load in loads)
    few, many = min(_LEAST_TEST, most), most
    while few < many:
        middle = (few + many + 1) // 2
        taken = sum(count * min(load.test, middle) for load, count in loads.items())
        few, many = (middle, many) if taken <= _TEST_PART * budget else (few, middle - 1)
    return few


def _preview(whole: Plan, share: float, seeds: int, part: float, test: int) -> Preview:
    """With all training rows where there is work for them, else with the fewest."""
    study, data = whole.study, whole.fingerprints.data
    sizes = {name: (of.train.n, of.dev.n, of.test.n) for name, of in data.items()}
    epochs = math.sqrt(part)
    least = max(
        math.ceil(_LEAST_UPDATES / epochs_left(recipe.epochs, epochs)) * recipe.batch_size
        for recipe in recipes_of(study).values()
    )
    return Preview(
        of=study.name,
        share=share,
        part=1.0,
        seeds=seeds,
        of_seeds=len(study.seeds),
        epochs=epochs,
        rows=1.0 if part == 1 else 0.0,
        least=least,
        test=max(of[-1] for of in sizes.values()) if part == 1 else test,
        whole=sizes,
    )


def _with_rows(least: Preview, loads: Counter[_Load], budget: float) -> Preview:
    """With the most training rows by which the work is in budget, or the fewest."""
    low, high = least, least.model_copy(update={"rows": 1.0})
    for _ in range(_STEPS):
        middle = least.model_copy(update={"rows": (low.rows + high.rows) / 2})
        low, high = (middle, high) if _work(loads, middle) <= budget else (low, middle)
    return low
