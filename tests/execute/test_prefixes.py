"""Stages share what frozen layers compute, and give the same bytes with and without that."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from tests.execute.test_run_stage import content
from transfer_study.execute.run_stage import run_stage
from transfer_study.learn.models import keep_prefix
from transfer_study.session.plans import make_plan
from transfer_study.store.store import Store
from transfer_study.study.plan import Plan
from transfer_study.study.stage import Stage
from transfer_study.study.study import Study

FREEZING = {"epochs": 1, "max_length": 16, "learning_rate": 1e-3, "precision": "float32"}
FREEZING |= {"freeze_layers": 1}


def planned(study: Study, **changes: object) -> Plan:
    written = study.model_dump(mode="json", by_alias=True)
    written["encoder"][0]["tiny"]["layers"] = 2
    written |= {"refine": FREEZING, "finetune": FREEZING, "heads": {**FREEZING, "freeze_layers": 0}}
    return make_plan(Study.model_validate({**written, **changes}))


def run(plan: Plan, store: Store, before: Callable[[Path], object] = lambda _: None) -> int:
    """Run all stages; the number of files in the cache."""
    for stage in plan:
        before(store.root / "prefixes")
        run_stage(stage, store, keep_model=True)
    return len(list((store.root / "prefixes").iterdir()))


def disturb(prefixes: Path) -> None:
    """Remove a third of the files, and damage a third."""
    for n, file in enumerate(sorted(prefixes.glob("*"))):
        if n % 3 == 0:
            file.unlink()
        elif n % 3 == 1:
            file.write_bytes(file.read_bytes()[:-1] + b"?")


def test_all_stages_share_what_the_encoder_s_frozen_layers_compute(
    study: Study,
    tmp_path: Path,
) -> None:
    arms = ["single", "full", "sequential", "soft", "distil"]
    plan = planned(study, arms=arms)
    assert {stage.kind for stage in plan} == {"refine", "finetune", "soft", "distil"}
    assert any(parent.parents for stage in plan for parent in stage.parents)
    shared = Store(tmp_path / "shared")
    # Three splits of two tasks: children of frozen parents, seeds and arms read the same texts.
    assert run(plan, shared) == 6
    other = Store(tmp_path / "other")
    run(plan, other, disturb)
    for stage in plan:
        assert content(other, stage) == content(shared, stage)


def test_a_cache_that_cannot_be_written_fails_no_stage(
    study: Study,
    tmp_path: Path,
) -> None:
    plan = planned(study, arms=["single"], readings=["refine"])
    plain, occupied = Store(tmp_path / "plain"), Store(tmp_path / "occupied")
    occupied.root.mkdir()
    (occupied.root / "prefixes").write_text("not a folder")
    run(plan, plain)
    for stage in plan:
        run_stage(stage, occupied, keep_model=False)
        assert content(occupied, stage) == content(plain, stage)


def test_each_head_on_an_encoder_that_learned_has_states_of_its_own(
    study: Study,
    tmp_path: Path,
) -> None:
    learning = {**FREEZING, "freeze_layers": 0}
    arms = ["single", "heads-only"]
    plan = planned(study, arms=arms, readings=["refine"], refine=learning)
    heads = [stage for stage in plan if stage.kind == "heads"]
    assert run(plan, Store(tmp_path / "store")) == 3 * len(heads) > 0


def run_noting(root: Path, stage: str, others: int) -> None:
    """Run a stage once so many are ready to, and write down what it computes of frozen layers."""
    compute = keep_prefix._Part._computed

    def noted(part: keep_prefix._Part) -> memoryview:
        with (root / "computed").open("a") as file:
            file.write(f"{part._key()}\n")
        time.sleep(1)  # long enough for the others to want it
        return compute(part)

    keep_prefix._Part._computed = noted  # of this process, which ends with it
    planned = Stage.model_validate_json(stage)
    (root / planned.name).touch()
    while len(list(root.glob("refine-*"))) < others:
        time.sleep(0.05)
    run_stage(planned, Store(root / "store"), keep_model=False)


def test_of_two_workers_that_start_together_one_computes_what_both_want(
    study: Study, tmp_path: Path
) -> None:
    plan = planned(study, arms=["single"], readings=["refine"], seeds=[0, 1])
    both = [stage for stage in plan if stage.task_names == ("colour",)]
    assert len(both) == 2
    texts = [stage.model_dump_json() for stage in both]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as workers:
        list(workers.map(run_noting, [tmp_path] * 2, texts, [2] * 2))
    keys = (tmp_path / "computed").read_text().split()
    assert len(keys) == len(set(keys)) == 3  # train, dev and test
    alone = Store(tmp_path / "alone")
    for stage in both:
        run_stage(stage, alone, keep_model=False)
        assert content(Store(tmp_path / "store"), stage) == content(alone, stage)
