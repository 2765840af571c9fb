"""What is removed from a store: never what runs, never through a link, never by half."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from transfer_study.session.plans import make_plan
from transfer_study.store import prune
from transfer_study.store.prune import Prunable, prunable, remove
from transfer_study.store.recorded import RecordedStage
from transfer_study.store.runs.held import held, hold
from transfer_study.store.runs.running import tell_running
from transfer_study.store.store import Store
from transfer_study.study.file.study_file import read_study
from transfer_study.study.plan import Plan
from transfer_study.study.stage import Stage


@pytest.fixture
def plan(small_study: Path) -> Plan:
    options = ["seeds=1", "arms=[single]", "readings=[refine, finetune]"]
    return make_plan(read_study(small_study, options))


@pytest.fixture
def store(tmp_path: Path, plan: Plan) -> Store:
    """A store in which every stage of the plan is done and has weights."""
    store = Store(tmp_path / "store")
    for stage in plan:
        for commit in (store.commit, store.commit_model):
            with store.attempt(stage) as folder:
                (folder / "weights").write_bytes(bytes(1000))
                commit(stage, folder)
    return store


def found(store: Store, *recorded: Plan, named: Plan | None = None) -> Prunable:
    studies = [
        [RecordedStage(id=s.id, pre_image={"parents": [p.id for p in s.parents]}) for s in plan]
        for plan in recorded
    ]
    return prunable(store, studies, {stage.id for stage in named or ()}, results=False)


def ids(found: Prunable) -> set[str | None]:
    return {one.stage for one in found.unwanted}


def child_of(plan: Plan) -> Stage:
    return next(stage for stage in plan if stage.parents)


def test_weights_of_a_finished_study_are_unwanted_unless_it_is_named(
    store: Store, plan: Plan
) -> None:
    assert ids(found(store, plan)) == {stage.id for stage in plan}
    assert ids(found(store)) == {stage.id for stage in plan}
    assert not ids(found(store, plan, named=plan))
    assert found(store).size > 1000 * len(plan)


def test_an_unfinished_study_keeps_what_its_missing_stages_start_from(
    store: Store, plan: Plan
) -> None:
    child = child_of(plan)
    shutil.rmtree(store.folder(child))
    (parent,) = child.parents
    assert ids(found(store, plan)) == {stage.id for stage in plan} - {parent.id}
    # Of a parent without weights, which will run again, the study wants those it starts from.
    assert parent.id in ids(found(store))


def test_what_runs_keeps_itself_and_what_it_started_from(store: Store, plan: Plan) -> None:
    child = child_of(plan)
    with tell_running(child, store):
        assert ids(found(store)) == {s.id for s in plan} - {child.id, child.parents[0].id}
    with hold(store, plan):
        assert not ids(found(store))
    assert len(ids(found(store))) == len(plan)


def test_what_a_process_held_that_is_gone_is_free(store: Store, plan: Plan) -> None:
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from transfer_study.store.runs.held import hold\n"
        "from transfer_study.store.store import Store\n"
        "class Stage: id = sys.argv[2]\n"
        "holding = hold(Store(Path(sys.argv[1])), [Stage()])\n"
        "holding.__enter__()\n"
        "os._exit(0)\n"
    )
    first = plan.stages[0].id
    subprocess.run([sys.executable, "-c", script, str(store.root), first], check=True, timeout=60)
    (left,) = (store.root / "attempts").iterdir()
    assert json.loads((left / "held.json").read_text()) == {"stages": [first]}
    assert held(store) == frozenset()
    # Whether a process of another host lives cannot be seen.
    host = left.name.split("@")[1]
    left.rename(left.with_name(left.name.replace(f"@{host}@", "@elsewhere@")))
    assert held(store) == {first}


def test_links_are_let_be(store: Store, plan: Plan, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "dear").write_text("x")
    models = store.root / "models"
    (models / "elsewhere").symlink_to(outside)
    (store.root / "models" / plan.stages[0].name / "inside").symlink_to(outside)
    removed = found(store)
    assert [*removed.links] == [models / "elsewhere"]
    assert len(remove(store, removed.unwanted)) == len(plan)
    assert (outside / "dear").read_text() == "x"
    assert [path.name for path in models.iterdir()] == ["elsewhere"]
    # Models that lie elsewhere as a whole stay too.
    shutil.rmtree(models)
    (outside / "made").mkdir()
    models.symlink_to(outside)
    assert not ids(found(store))
    assert [*found(store).links] == [models]


def test_weights_that_lost_their_record_go(store: Store, plan: Plan) -> None:
    first = plan.stages[0]
    (store.root / "models" / first.name / "model.json").unlink()
    shutil.rmtree(store.folder(first))
    (lost,) = (one for one in found(store, named=plan).unwanted)
    assert (lost.stage, lost.folder) == (None, store.root / "models" / first.name)
    remove(store, [lost])
    store.check_free(first)


def test_a_run_that_began_meanwhile_gets_its_weights_back(
    store: Store, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    unwanted = found(store).unwanted
    first = plan.stages[0]
    with hold(store, [first]):  # after it was looked up, before it is removed
        removed = remove(store, unwanted)
    assert {one.stage for one in removed} == {stage.id for stage in plan} - {first.id}
    assert store.checked_model(first)


def test_a_crash_leaves_models_whole_or_gone(
    store: Store, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Crash(BaseException):
        pass

    def crash(*_: object, **__: object) -> None:
        raise Crash

    unwanted = found(store).unwanted
    monkeypatch.setattr(prune, "held", crash)  # all are moved, nothing is deleted yet
    monkeypatch.setattr(store.disk, "remove", crash)
    with pytest.raises(Crash):
        remove(store, unwanted)
    monkeypatch.undo()
    assert not any(map(store.has_model, plan))
    assert not any((store.root / "models").iterdir())
    for stage in plan:
        store.check_free(stage)
    (left,) = (store.root / "attempts").iterdir()
    gone = left.name.replace(f"@{os.getpid()}@", "@999999999@")
    left.rename(left.with_name(gone))
    store.sweep()
    assert not any((store.root / "attempts").iterdir())
