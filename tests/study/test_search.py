"""What a search tries: recipes for every task alone, with seeds that no study uses."""

from __future__ import annotations

from pathlib import Path

import pytest

from transfer_study.errors import InvalidStudy, StudyError
from transfer_study.session.plans import make_plan
from transfer_study.study.file.study_file import read_study
from transfer_study.study.fingerprint import Fingerprints
from transfer_study.study.recipes.recipe import Recipe
from transfer_study.study.search import (
    asked_space,
    extremes,
    seconds_of,
    section_of,
    targets,
    tuning_seeds,
    usual_space,
    with_values,
)
from transfer_study.study.study import Study


def changed(path: Path, *settings: str) -> Study:
    return read_study(path, settings)


def fingerprints(study: Study) -> Fingerprints:
    return make_plan(study).fingerprints


def test_every_task_is_tried_alone_by_the_stage_that_its_edges_are_held_against(
    small_study: Path,
) -> None:
    study = changed(small_study, "variants={long: {epochs: 9}}")
    plan = make_plan(changed(small_study, "seeds=[0, 7]", "arms=[single]"))
    found = targets(study, plan.fingerprints, "refine", (0, 7))
    assert [target.name for target in found] == ["entities", "topics", "relation"]
    assert {stage.id for target in found for stage in target.stages} == {s.id for s in plan}
    assert all(len(target.stages) == 2 for target in found)


def test_sizes_and_encoders_are_targets_of_their_own(small_study: Path) -> None:
    study = changed(
        small_study,
        "tasks.topics.limits={max_train: [20, 40]}",
        "encoder=[tiny, {name: other, source: tiny}]",
    )
    names = [t.name for t in targets(study, fingerprints(study), "refine", (0,))]
    assert names[:2] == ["entities (tiny)", "relation (tiny)"]
    assert "topics (20 examples, other)" in names
    assert len(names) == len(set(names)) == 8


def test_a_trial_never_learns_from_dev_nor_chooses_by_test(small_study: Path) -> None:
    study = changed(small_study, "refine.train_on=train_and_dev", "refine.selection=best_test")
    for target in targets(study, fingerprints(study), "refine", (0,)):
        for stage in (*target.stages, target.tried(target.stages[0], {"epochs": 3})):
            assert (stage.recipe.train_on, stage.recipe.selection) == ("train", "best")


def test_what_a_study_says_of_one_task_s_fine_tuning_stays(small_study: Path) -> None:
    study = changed(
        small_study, "readings=[finetune]", "finetune.tasks={topics: {epochs: 7, warmup: 0.2}}"
    )
    by_name = {t.name: t for t in targets(study, fingerprints(study), "finetune", (0,))}
    values = {"epochs": 3, "batch_size": 4}
    tried = {
        name: target.tried(target.stages[0], values).recipe for name, target in by_name.items()
    }
    assert (tried["topics"].epochs, tried["topics"].batch_size) == (7, 4)
    assert (tried["entities"].epochs, tried["entities"].batch_size) == (3, 4)
    # As the study would be, once the values are written.
    written = with_values(study, "finetune", values)
    assert {name: Recipe(**written.finetune_recipe(name).model_dump()) for name in tried} == {
        name: recipe.model_copy(update={"precision": written.finetune.precision})
        for name, recipe in tried.items()
    }


def test_seeds_are_none_of_the_study_s_nor_of_those_that_looks_add(small_study: Path) -> None:
    assert set(tuning_seeds(read_study(small_study), 3)).isdisjoint(range(1000))
    used = changed(small_study, "seeds=[0, 1000000, 1000002]")
    assert tuning_seeds(used, 2) == (1_000_001, 1_000_003)


def test_what_is_tried_suits_encoder_and_tasks(small_study: Path) -> None:
    tiny = usual_space(read_study(small_study), "refine", 1)
    assert max(tiny["learning_rate"]) == 5e-3
    assert "freeze_layers" not in tiny
    assert tiny["pooling"] == ("pooler", "mean")
    known = changed(small_study, "encoder=bert-base-uncased")
    space = usual_space(known, "refine", 12)
    assert max(space["learning_rate"]) == 5e-4
    assert space["freeze_layers"] == (0, 6, 11)
    renewed = usual_space(changed(small_study, "refine.reinit_layers=3"), "refine", 4)
    assert renewed["freeze_layers"] == (0, 1)
    tagging = known.model_copy(update={"tasks": known.tasks[:1]})
    assert "pooling" not in usual_space(tagging, "refine", 12)


@pytest.mark.parametrize(("patience", "epochs", "tried"), [(3, 9, (8, 16)), (20, 30, (30,))])
def test_with_patience_no_recipe_is_tried_that_a_study_could_not_have(
    small_study: Path, patience: int, epochs: int, tried: tuple[int, ...]
) -> None:
    study = changed(small_study, f"refine.epochs={epochs}", f"refine.patience={patience}")
    assert usual_space(study, "refine", 1)["epochs"] == tried
    with pytest.raises(InvalidStudy, match="'patience'"):
        asked_space(small_study, "refine", ["patience=1,2"])


def test_asked_values_are_those_of_a_study_file(small_study: Path) -> None:
    space = asked_space(small_study, "refine", ["epochs=2, 4", "learning_rate=1e-3", "warmup=0,.1"])
    assert space == {"epochs": (2, 4), "learning_rate": (1e-3,), "warmup": (0.0, 0.1)}
    study = read_study(small_study)
    both = list(extremes(study, "refine", {"max_length": (16, 32), "freeze_layers": (0, 1)}))
    assert {(s.refine.max_length, s.refine.freeze_layers) for s in both} == {
        (16, 0),
        (16, 1),
        (32, 0),
        (32, 1),
    }


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("epoch=3", "--try epoch=3: found 'epoch'; did you mean 'epochs'?"),
        ("epochs=0,4", "--try epochs=0: found 0; give a number greater than 0"),
        ("pooling=max", "--try pooling=max: found 'max'; "),
        ("epochs=", "--try epochs=: give each key once, with different values"),
        ("epochs=3,3", "give each key once, with different values"),
        ("selection=last", "found 'selection'"),
        ("max_length=1000", "--try max_length=1000: found 1000, but the tiny encoder takes"),
    ],
)
def test_what_cannot_be_tried_is_said(small_study: Path, asked: str, said: str) -> None:
    with pytest.raises(InvalidStudy) as raised:
        asked_space(small_study, "refine", [asked])
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("budget", "seconds"), [("90s", 90), ("30m", 1800), ("1h30m", 5400), ("2 h", 7200)]
)
def test_budgets(budget: str, seconds: float) -> None:
    assert seconds_of(budget) == seconds


@pytest.mark.parametrize("budget", ["", "30", "0m", "-5m", "1d", "m", "half an hour", "5m3h"])
def test_no_budgets(budget: str) -> None:
    with pytest.raises(StudyError, match=r"--budget: found .*; give a time such as 90s"):
        seconds_of(budget)


def test_the_recipe_is_that_of_a_reading(small_study: Path) -> None:
    study = read_study(small_study)
    assert section_of(study, None) == "refine"
    assert section_of(changed(small_study, "readings=[finetune]"), None) == "finetune"
    assert section_of(changed(small_study, "readings=[refine, finetune]"), "finetune") == "finetune"
    with pytest.raises(StudyError, match="--recipe finetune: no reading of the study answers"):
        section_of(study, "finetune")
    with pytest.raises(StudyError, match="whose recipe is the original's"):
        section_of(changed(small_study, "protocol=paper"), None)
