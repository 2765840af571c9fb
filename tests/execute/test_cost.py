"""The estimate finds back what stages took, and grows with the work."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import pytest

from transfer_study.execute.cost import SecondsEstimate, work
from transfer_study.store.store import Store
from transfer_study.study.fingerprint import DataFingerprint, Fingerprints, SplitFingerprint
from transfer_study.study.plan import Plan, plan
from transfer_study.study.recipes.recipe import Precision, Recipe
from transfer_study.study.stage import Stage
from transfer_study.study.study import Study

SIZES = {"short": 400, "long": 100, "other": 200}
# Seconds an example, by task.
RATES = {"short": 0.02, "long": 0.06, "other": 0.04}


@pytest.fixture
def made() -> Plan:
    source = {"format": "tsv", "folder": "nowhere"}
    task = {"kind": "classification", "labels": ["no", "yes"], "source": source}
    study = Study.model_validate(
        {"name": "s", "encoder": "tiny", "tasks": [{"name": n, **task} for n in SIZES]}
    )

    def data(name: str, n: int) -> DataFingerprint:
        splits = {
            split: SplitFingerprint(n=size, sha256=sha256(b"").hexdigest(), gold="0")
            for split, size in (("train", n), ("dev", n // 4), ("test", n // 2))
        }
        return DataFingerprint(key=name, **splits)

    fingerprints = Fingerprints(
        data={name: data(name, n) for name, n in SIZES.items()},
        encoders={"tiny": "0"},
        precision=Precision.FLOAT32,
    )
    return plan(study, fingerprints)


def seconds(stage: Stage, rates: Mapping[str, float]) -> float:
    """What a stage takes where each task has its rate."""
    epochs = stage.recipe.epochs
    return sum(
        rates[m.task.name] * (epochs * (3 * m.data.train.n + m.data.dev.n) + m.data.test.n)
        for m in stage.tasks
    )


def measure(
    store: Store,
    made: Stage,
    rates: Mapping[str, float] = RATES,
    stored_as: Stage | None = None,
    ended_after: int | None = None,
) -> None:
    """Keep what a stage took; one that ended early took as much as one of so few epochs."""
    stage = stored_as or made
    with store.attempt(stage) as attempt:
        taken = {"wall_seconds": seconds(made, rates), "versions": {}, "device": "cpu"}
        record = {
            "id": stage.id,
            "family": stage.family,
            "pre_image": stage.pre_image,
            "provenance": taken,
        }
        record |= {"selected_epoch": dict.fromkeys(stage.task_names, 1), "handed_on_epoch": 1}
        record |= {"ended_after": ended_after}
        (attempt / "stage.json").write_text(json.dumps(record))
        store.commit(stage, attempt)


def test_work_counts_passes(made: Plan) -> None:
    for stage in made:
        assert work(stage) == pytest.approx(seconds(stage, dict.fromkeys(SIZES, 1.0)))


def test_nothing_is_estimated_before_anything_is_measured(made: Plan, tmp_path: Path) -> None:
    assert SecondsEstimate(made, Store(tmp_path)).measured == 0


def test_a_stage_that_ended_early_is_measured_by_the_epochs_that_it_made(
    made: Plan, tmp_path: Path
) -> None:
    store, rates = Store(tmp_path), dict.fromkeys(SIZES, 0.03)
    for stage in (s.by(Recipe(epochs=20, patience=3)) for s in made if s.seed == 0):
        measure(store, stage.by(Recipe(epochs=5)), rates, stored_as=stage, ended_after=5)
    estimate = SecondsEstimate(made, store)
    for stage in (s for s in made if s.seed == 1):
        assert estimate.seconds(stage) == pytest.approx(seconds(stage, rates))


def test_one_stage_gives_all_tasks_its_rate(made: Plan, tmp_path: Path) -> None:
    store = Store(tmp_path)
    stage = next(s for s in made if s.task_names == ("long",))
    measure(store, stage)
    estimate = SecondsEstimate(made, store)
    assert estimate.measured == 1
    assert estimate.seconds(stage) == pytest.approx(seconds(stage, RATES))
    for other in made:
        assert estimate.seconds(other) == pytest.approx(RATES["long"] * work(other))


def test_measured_tasks_have_rates_of_their_own(made: Plan, tmp_path: Path) -> None:
    store = Store(tmp_path)
    for stage in made:
        if len(stage.tasks) < 3:
            measure(store, stage)
    estimate = SecondsEstimate(made, store)
    for stage in made:
        assert estimate.seconds(stage) == pytest.approx(seconds(stage, RATES), rel=0.2)


def test_each_encoder_has_rates_of_its_own(made: Plan, tmp_path: Path) -> None:
    known = made.fingerprints.model_copy(update={"encoders": {"tiny": "0", "big": "1"}})
    encoders = [{"name": name, "source": "tiny"} for name in ("tiny", "big")]
    written = {**made.study.model_dump(mode="json", by_alias=True), "encoder": encoders}
    both = plan(Study.model_validate(written), known)
    store = Store(tmp_path)
    slow = {name: 10 * rate for name, rate in RATES.items()}
    small = [stage for stage in both if len(stage.tasks) < 3]
    for stage in small:
        if stage.encoder.name == "tiny":
            measure(store, stage)
    estimate = SecondsEstimate(both, store)
    unmeasured = next(s for s in small if s.encoder.name == "big")
    assert estimate.seconds(unmeasured) == pytest.approx(seconds(unmeasured, RATES), rel=0.2)
    for stage in small:
        if stage.encoder.name == "big":
            measure(store, stage, slow)
    estimate = SecondsEstimate(both, store)
    for stage in both:
        rates = slow if stage.encoder.name == "big" else RATES
        assert estimate.seconds(stage) == pytest.approx(seconds(stage, rates), rel=0.2)


def test_frozen_layers_have_rates_of_their_own(made: Plan, tmp_path: Path) -> None:
    """They are computed once and left out of all updates."""
    variants = {"plain": {}, "frozen": {"freeze_layers": 1}}
    written = {**made.study.model_dump(mode="json", by_alias=True), "variants": variants}
    both = plan(Study.model_validate(written), made.fingerprints)
    store = Store(tmp_path)
    quick = {name: rate / 10 for name, rate in RATES.items()}

    def rates(stage: Stage) -> Mapping[str, float]:
        return quick if stage.recipe.freeze_layers else RATES

    assert {stage.recipe.freeze_layers for stage in both} == {0, 1}
    for stage in both:
        if len(stage.tasks) < 3:
            measure(store, stage, rates(stage))
    estimate = SecondsEstimate(both, store)
    for stage in both:
        assert estimate.seconds(stage) == pytest.approx(seconds(stage, rates(stage)), rel=0.2)


def test_an_unreadable_record_is_left_out(made: Plan, tmp_path: Path) -> None:
    store = Store(tmp_path)
    first, second = made.stages[:2]
    measure(store, first)
    measure(store, second)
    (store.folder(second) / "stage.json").write_text("{")
    assert SecondsEstimate(made, store).measured == 1
