"""The arms heads-only, soft and distil, from the study file to the tables."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
import yaml
from safetensors.torch import load_file

import transfer_study
from transfer_study.errors import InvalidStudy
from transfer_study.execute.run_stage import run_stage
from transfer_study.session.places import Places
from transfer_study.session.plans import make_plan
from transfer_study.store.store import Store
from transfer_study.study.file.study_file import read_study
from transfer_study.study.plan import Plan
from transfer_study.study.stage import StageKind


def synthetic(task: str, kind: str, labels: list[str]) -> dict[str, Any]:
    source = {"format": "synthetic", "task": task, "train": 40, "dev": 20, "test": 30}
    return {"name": task, "kind": kind, "labels": labels, "source": source}


STUDY: dict[str, Any] = {
    "name": "ways",
    "encoder": {"name": "tiny", "tiny": {"hidden_size": 16, "layers": 1, "heads": 2}},
    "tasks": [
        synthetic("entities", "tagging", ["herb", "beast"]),
        synthetic("relation", "classification", ["herb", "beast"]),
        synthetic("topics", "multilabel", ["sea", "sky", "war"]),
    ],
    "arms": ["single", "full", "heads-only", "soft", "distil"],
    "refine": {"epochs": 1, "learning_rate": 1e-3, "precision": "float32"},
    "finetune": {"epochs": 1, "precision": "float32"},
    "heads": {"epochs": 1, "precision": "float32"},
    "readings": ["refine", "finetune"],
    "seeds": 1,
}


def planned(folder: Path, **changes: Any) -> Plan:
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump({**STUDY, **changes}))
    return make_plan(read_study(path))


def test_each_arm_adds_its_own_stages_and_shares_the_rest(tmp_path: Path) -> None:
    plan = planned(tmp_path, readings=["refine"])
    assert Counter(str(stage.kind) for stage in plan) == {
        "refine": 3 + 1 + 3,  # alone, all, and the pairs whose encoders are frozen
        "heads": 3 + 6,
        "soft": 3,
        "distil": 1,
    }
    (student,) = (s for s in plan if s.kind is StageKind.DISTIL)
    taught = sorted(teacher.task_names for teacher in student.teachers)
    assert taught == [("entities",), ("relation",), ("topics",)]
    assert student.starts == ()
    for system, baseline, _ in plan.comparisons():
        if system.arm == "heads-only":
            assert baseline.arm == "heads-only"
            assert baseline.stage.starts[0].task_names == (system.target,)
        else:
            assert baseline.arm == "single"


def test_the_bare_encoder_is_the_baseline_of_fine_tuning(tmp_path: Path) -> None:
    plan = planned(tmp_path, readings=["finetune"], arms=["heads-only"])
    for system, baseline, _ in plan.comparisons():
        assert system.stage.starts[0].task_names == tuple(sorted((system.source, system.target)))
        assert baseline.stage.kind is StageKind.HEADS
        assert baseline.stage.starts == ()


def test_strengths_are_part_of_their_own_stages_alone(tmp_path: Path) -> None:
    before = {stage.id: stage for stage in planned(tmp_path)}
    refine = {**STUDY["refine"], "soft_weight": 3.0, "teacher_temperature": 2.0}
    after = {stage.id for stage in planned(tmp_path, refine=refine)}
    gone = Counter(str(stage.kind) for identity, stage in before.items() if identity not in after)
    assert set(gone) == {"soft", "distil", "finetune"}
    changed = [s for i, s in before.items() if i not in after and s.kind is StageKind.FINETUNE]
    assert all(s.starts[0].kind in (StageKind.SOFT, StageKind.DISTIL) for s in changed)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"arms": ["soft"]}, "'soft' is compared with 'single'"),
        ({"arms": ["single", "distil"], "tasks": STUDY["tasks"][:1]}, "needs two or more"),
        ({"refine": {"soft_weight": -1}}, "soft_weight"),
        ({"refine": {"teacher_temperature": 0}}, "teacher_temperature"),
        ({"refine": {"teacher_weight": 1.5}}, "teacher_weight"),
        ({"finetune": {"soft_weight": 2}}, "learns one task; move it to `refine`"),
        ({"arms": ["single", "full"], "refine": {"soft_weight": 2}}, "without the arm 'soft'"),
    ],
)
def test_what_does_not_fit_is_told(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidStudy) as caught:
        planned(tmp_path, **changes)
    assert said in " ".join(map(str, caught.value.problems))


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Places:
    folder = tmp_path_factory.mktemp("ways")
    planned(folder)
    places = Places(folder / "stages", folder / "results", folder / "plots")
    transfer_study.run(folder / "study.yaml", places=places, executor="in-process")
    return places


def test_every_arm_is_in_the_tables_and_figures(places: Places) -> None:
    deltas = pd.read_csv(places.results / "ways" / "deltas.csv")
    edges = Counter(zip(deltas["reading"], deltas["arm"], strict=True))
    for reading in ("refine", "finetune"):
        assert edges[reading, "heads-only"] == edges[reading, "soft"] == 6
        assert edges[reading, "distil"] == edges[reading, "full"] == 3
    assert deltas["delta"].notna().all()
    for arm in ("heads-only", "soft", "distil"):
        assert (places.plots / "ways" / f"transfer_graph-{arm}.svg").is_file()


def test_a_soft_parent_hands_on_the_encoder_of_the_childs_task(
    places: Places, tmp_path: Path
) -> None:
    store, plan = Store(places.store), planned(tmp_path)
    parent = next(s for s in plan if s.kind is StageKind.SOFT)
    folders = [store.checked_model(parent) / str(n) for n in range(len(parent.tasks))]
    one, other = (load_file(folder / "model.safetensors") for folder in folders)
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_a_teacher_whose_weights_are_gone_is_run_again(places: Places, tmp_path: Path) -> None:
    import shutil

    store, plan = Store(places.store), planned(tmp_path)
    student = next(s for s in plan if s.kind is StageKind.DISTIL)
    teacher = student.teachers[0]
    shutil.rmtree(store.root / "models" / teacher.name)
    shutil.rmtree(store.folder(student))
    again = plan.missing(store.is_done, store.has_model)
    assert {stage.id for stage in again} == {teacher.id, student.id}
    for stage in again:
        run_stage(stage, store, keep_model=stage.id in plan.parents())
    assert store.is_done(student)


def test_a_head_alone_learns_where_the_encoder_is_frozen(places: Places, tmp_path: Path) -> None:
    store, plan = Store(places.store), planned(tmp_path)
    heads = next(s for s in plan if s.kind is StageKind.HEADS and s.starts)
    (start,) = heads.starts
    run_stage(heads, store, keep_model=True)
    before, after = (
        load_file(store.checked_model(stage) / "model.safetensors") for stage in (start, heads)
    )
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
