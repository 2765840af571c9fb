"""A preview of a study at a share of its work: what is left of it, and what the whole would cost.

Epochs and training rows are cut alike, each by about the root of the share, so that neither the
length of training nor the amount of data moves far from the study's. A task is left as many updates
as it takes to learn at all; where that is too much for the share, seeds are left out, down to two.
Test examples are cut where predicting them would take more than a quarter of what there is.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

from transfer_study.errors import StudyError
from transfer_study.execute.cost import passes
from transfer_study.session.places import Places
from transfer_study.session.plans import make_plan
from transfer_study.store.recorded import is_recorded_otherwise, recorded_plan, recorded_preview
from transfer_study.study.checks.coherence import incoherences
from transfer_study.study.plan import Plan
from transfer_study.study.preview import Preview, epochs_left, preview_name
from transfer_study.study.previewed import previewed
from transfer_study.study.recipes.of_stages import recipes_of
from transfer_study.study.recipes.protocol import Protocol
from transfer_study.study.sizes import data_sets
from transfer_study.study.study import Study
from transfer_study.study.tasks.task import HALVES

# With fewer updates than these a fine-tuned encoder hardly leaves its constant answer.
_LEAST_UPDATES = 48
_LEAST_TEST = 200
_TEST_PART = 0.25
_FEWEST_SEEDS = 2
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


def preview_of(study: Study, share: float, places: Places) -> Study:
    """The preview of a study at this share of its work, by its data.

    Raises DataError and EncoderError, and StudyError where it has none.
    """
    check_previewable(study)
    name = preview_name(study.name, share)
    known = recorded_plan(study, places.results / study.name)
    whole = make_plan(study) if known is None else known
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
    return preview_of(study, share, places)


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
    """What is left: of the most seeds with which tasks still have their updates."""
    study = whole.study
    loads = _loads(whole)
    work = sum(count * load.left(None) for load, count in loads.items())
    fewest = min(_FEWEST_SEEDS, len(study.seeds))
    for seeds in range(len(study.seeds), fewest - 1, -1):
        part = share * len(study.seeds) / seeds  # of the work of as many seeds
        least = _preview(whole, share, seeds, part, _test_rows(loads, part * work))
        found = _with_rows(least, loads, part * work)
        if found is not None:
            break
    left = least if found is None else found
    came_to = _work(loads, left) * left.seeds / left.of_seeds / work
    if came_to > _MOST_PART:
        raise StudyError(
            f"--fidelity: {study.name} has too little to leave out: a preview by which its tasks "
            f"learn at all takes {came_to:.0%} of its work; run the study itself"
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
    """With the fewest training rows."""
    study = whole.study
    epochs = min(math.sqrt(part), 1.0)
    recipes = recipes_of(study).values()
    least = max(
        math.ceil(_LEAST_UPDATES / epochs_left(recipe.epochs, epochs)) * recipe.batch_size
        for recipe in recipes
    )
    sizes = {
        name: (data.train.n, data.dev.n, data.test.n)
        for name, data in whole.fingerprints.data.items()
    }
    return Preview(
        of=study.name,
        share=share,
        part=1.0,
        seeds=seeds,
        of_seeds=len(study.seeds),
        epochs=epochs,
        rows=0.0,
        least=least,
        test=test,
        whole=sizes,
    )


def _with_rows(least: Preview, loads: Counter[_Load], budget: float) -> Preview | None:
    """With the most training rows by which the work is in budget; None where the fewest are not."""
    if _work(loads, least) > budget:
        return None
    low, high = least, least.model_copy(update={"rows": 1.0})
    for _ in range(_STEPS):
        middle = least.model_copy(update={"rows": (low.rows + high.rows) / 2})
        low, high = (middle, high) if _work(loads, middle) <= budget else (low, middle)
    return low
