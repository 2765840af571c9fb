"""A stage goes from files to one directory, once; what was planned is what is run."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from transfer_study.execute import in_process
from transfer_study.execute import keep as keep_module
from transfer_study.execute import program as program_module
from transfer_study.execute import run_stage as run_stage_module
from transfer_study.execute import start as start_module
from transfer_study.execute.executor import Todo
from transfer_study.execute.in_process import InProcess
from transfer_study.execute.run_stage import StageFailed, run_stage
from transfer_study.learn import train as train_module
from transfer_study.report.beside import other_attempts
from transfer_study.session.plans import make_plan
from transfer_study.session.stored import failed_stages
from transfer_study.store.predictions import StoredAnswers, answers_from
from transfer_study.store.store import Store
from transfer_study.study.plan import Plan
from transfer_study.study.stage import Stage
from transfer_study.study.study import Study

NAMES = ("colour", "people")


def find(plan: Plan, kind: str, *tasks: str, parents: int | None = None) -> Stage:
    return next(
        stage
        for stage in plan
        if (stage.kind, stage.task_names) == (kind, tasks)
        and (parents is None or len(stage.parents) == parents)
    )


def content(store: Store, stage: Stage) -> dict[str, bytes]:
    """The files of a stage but those that tell of time and place."""
    timed = ("stage.json", "history.jsonl")
    return {file: store.read(stage, file) for file in store.files(stage) if file not in timed}


def files(folder: Path) -> dict[str, bytes]:
    """What is in a folder, the commit record left out."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "result.json"
    }


def forbid(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(train_module, "train", refuse)


# From files to a directory


def test_a_stage_leaves_one_whole_directory(plan: Plan, store: Store) -> None:
    stage = find(plan, "refine", *NAMES)
    told: list[dict[str, Any]] = []
    run_stage(stage, store, keep_model=False, on_epoch=told.append)
    assert store.files(stage) == (
        "history.jsonl",
        *(
            f"predictions/{n}.{split}.parquet"
            for n in range(len(NAMES))
            for split in ("dev", "test")
        ),
        "stage.json",
    )
    lines = store.read(stage, "history.jsonl").decode().splitlines()
    assert [json.loads(line) for line in lines] == told
    assert [set(epoch["dev"]) for epoch in told] == [set(NAMES)] * 2
    record = store.record(stage)
    assert record.id == stage.id
    assert record.pre_image == json.loads(json.dumps(stage.pre_image))
    assert set(record.selected_epoch) == set(NAMES)
    assert record.handed_on_epoch in (1, 2)
    assert record.provenance.wall_seconds > 0
    assert not store.has_model(stage)
    assert list((store.root / "attempts").iterdir()) == []
    answers = StoredAnswers(store).answers(stage, stage.tasks[1].task)
    assert len(answers.gold) == 9
    assert answers.gold == [("O", "O", "B-Person")] * 9


def test_the_same_stage_gives_the_same_bytes_anywhere(
    plan: Plan, store: Store, tmp_path: Path
) -> None:
    stage = find(plan, "refine", *NAMES)
    other = Store(tmp_path / "elsewhere")
    for place in (store, other):
        torch.manual_seed(len(str(place.root)))  # what came before in the process means nothing
        run_stage(stage, place, keep_model=True)
    assert content(store, stage) == content(other, stage)
    weights = [s.checked_model(stage) / "model.safetensors" for s in (store, other)]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_filling_memory_before_it_is_written_changes_no_byte(
    plan: Plan, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage, filled = find(plan, "refine", *NAMES), Store(tmp_path / "filled")
    run_stage(stage, store, keep_model=False)
    assert not torch.utils.deterministic.fill_uninitialized_memory
    set_up = run_stage_module.set_up_torch

    def filling(threads: int) -> torch.device:
        device = set_up(threads)
        monkeypatch.setattr(torch.utils.deterministic, "fill_uninitialized_memory", True)
        return device

    monkeypatch.setattr(run_stage_module, "set_up_torch", filling)
    run_stage(stage, filled, keep_model=False)
    assert content(filled, stage) == content(store, stage)


def test_a_stage_that_is_there_is_not_run_again(
    plan: Plan, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = find(plan, "refine", "colour")
    run_stage(stage, store, keep_model=True)
    forbid(monkeypatch, AssertionError("it ran again"))
    run_stage(stage, store, keep_model=True)
    run_stage(stage, store, keep_model=False)


# What was planned


def changed_file(root: Path) -> Path:
    path = root / "colour" / "train.tsv"
    path.write_text(path.read_text().replace("the red", "a red", 1))
    return path


def changed_texts(root: Path) -> Path:
    path = root / "texts.txt"
    path.write_text(path.read_text() + " more")
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (changed_file, "the data of colour changed since the study was planned"),
        (changed_texts, "the files of the encoder tiny are not those that the study was planned"),
    ],
)
def test_inputs_that_changed_since_planning_are_refused(
    plan: Plan, store: Store, tmp_path: Path, change: Callable[[Path], Path], message: str
) -> None:
    stage = find(plan, "refine", "colour")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.t*") if path.is_file()}
    path = change(tmp_path)
    for _ in range(2):
        with pytest.raises(StageFailed, match=message):
            run_stage(stage, store, keep_model=False)
    assert not store.is_done(stage)
    path.write_bytes(before[path])  # put back, it is read again, in the same process
    run_stage(stage, store, keep_model=False)
    assert store.is_done(stage)


def test_other_tasks_data_may_change(plan: Plan, store: Store, tmp_path: Path) -> None:
    (tmp_path / "people" / "train.tsv").write_text("")
    run_stage(find(plan, "refine", "colour"), store, keep_model=False)


@pytest.fixture
def with_files(study: Study, bert_folder: Path, tmp_path: Path) -> tuple[Path, Plan]:
    """An encoder's folder, and the plan of a study with it: two seeds of each stage."""
    folder = shutil.copytree(bert_folder, tmp_path / "bert")
    written = study.model_dump(mode="json", by_alias=True)
    written |= {"encoder": {"name": "bert", "source": str(folder)}, "arms": ["single"]}
    return folder, make_plan(Study.model_validate({**written, "seeds": [0, 1]}))


def double(folder: Path) -> None:
    file = folder / "model.safetensors"
    doubled = {name: 2 * tensor for name, tensor in load_file(file).items()}
    save_file(doubled, file, {"format": "pt"})


def test_weights_are_verified_in_every_stage_of_a_worker(
    with_files: tuple[Path, Plan], store: Store
) -> None:
    folder, plan = with_files
    first, second = (s for s in plan if s.kind == "refine" and s.task_names == ("colour",))
    run_stage(first, store, keep_model=False)
    double(folder)
    with pytest.raises(StageFailed, match="the files of the encoder bert are not those"):
        run_stage(second, store, keep_model=False)
    assert not store.is_done(second)


def test_weights_that_change_while_a_stage_learns_are_noticed(
    with_files: tuple[Path, Plan], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, plan = with_files
    stage = next(iter(plan))
    learn = train_module.train

    def meanwhile(*args: Any) -> Any:
        double(folder)
        return learn(*args)

    monkeypatch.setattr(train_module, "train", meanwhile)
    with pytest.raises(StageFailed, match="the files of the encoder bert are not those"):
        run_stage(stage, store, keep_model=True)
    assert not store.is_done(stage)


def test_a_store_holds_nothing_that_decides_what_is_encoded(plan: Plan, store: Store) -> None:
    run_stage(find(plan, "refine", *NAMES), store, keep_model=True)
    found = sorted(path.name for path in store.root.iterdir())
    assert found == ["attempts", "logs", "models", "stages"]


def test_a_source_tree_that_is_not_installed_runs(
    plan: Plan, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = program_module.version

    def not_here(name: str) -> str:
        if name == "transfer-study":
            raise PackageNotFoundError(name)
        return found(name)

    monkeypatch.setattr(program_module, "version", not_here)
    run_stage_module._versions.cache_clear()
    stage = find(plan, "refine", "colour")
    run_stage(stage, store, keep_model=False)
    run_stage_module._versions.cache_clear()
    versions = store.record(stage).provenance.versions
    assert (versions["transfer-study"], versions["torch"]) == ("not installed", torch.__version__)


def test_versions_are_found_before_anything_is_learned(
    plan: Plan, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise OSError("the metadata cannot be read")

    monkeypatch.setattr(run_stage_module, "_versions", broken)
    forbid(monkeypatch, AssertionError("it learned"))
    with pytest.raises(StageFailed, match="the metadata cannot be read"):
        run_stage(find(plan, "refine", "colour"), store, keep_model=False)


# Failures


def test_a_failure_leaves_its_traceback_until_a_success(
    plan: Plan, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = find(plan, "refine", "colour")
    with monkeypatch.context() as patch:
        forbid(patch, RuntimeError("the sky fell"))
        with pytest.raises(StageFailed, match="RuntimeError: the sky fell") as failed:
            run_stage(stage, store, keep_model=False)
    assert store.failure(stage) == failed.value.log
    text = failed.value.log.read_text()
    assert text.startswith("Traceback")
    assert "the sky fell" in text
    assert not store.is_done(stage)
    run_stage(stage, store, keep_model=False)
    assert store.failure(stage) is None


def test_a_full_disk_does_not_hide_what_failed(
    plan: Plan, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")

    def refuse(*_: Any, **__: Any) -> None:
        raise full

    monkeypatch.setattr(store.disk, "write", refuse)
    with pytest.raises(StageFailed, match=r"OSError: .* No space left on device"):
        run_stage(find(plan, "refine", "colour"), store, keep_model=False)


def test_an_interrupt_is_no_failure_and_leaves_nothing(
    plan: Plan, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = find(plan, "refine", "colour")
    forbid(monkeypatch, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        run_stage(stage, store, keep_model=False)
    assert store.failure(stage) is None
    assert not store.is_done(stage)


def test_files_in_the_way_are_told_before_anything_is_learned(
    plan: Plan, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = find(plan, "refine", "colour")
    store.folder(stage).mkdir(parents=True)
    (store.folder(stage) / "history.jsonl").write_text("{}")
    forbid(monkeypatch, AssertionError("it learned"))
    with pytest.raises(StageFailed, match=r"StoreError: .* remove it and run again"):
        run_stage(stage, store, keep_model=False)


# Parents and children


def test_a_child_starts_from_its_parents_weights(
    plan: Plan, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = find(plan, "finetune", "colour", parents=1)
    (parent,) = child.parents
    with pytest.raises(StageFailed, match=r"StoreError: .* holds no model\.json"):
        run_stage(child, store, keep_model=False)
    run_stage(parent, store, keep_model=True)
    starts: list[dict[str, torch.Tensor]] = []
    build = start_module.build_model

    def watch(*args: Any) -> Any:
        model = build(*args)
        starts.append({n: t.clone() for n, t in model.encoder.state_dict().items()})
        return model

    monkeypatch.setattr(start_module, "build_model", watch)
    run_stage(child, store, keep_model=False)
    run_stage(find(plan, "finetune", "colour", parents=0), store, keep_model=False)
    handed_on = load_file(store.root / "models" / parent.name / "model.safetensors")
    assert handed_on
    assert all(torch.equal(starts[0][name], tensor) for name, tensor in handed_on.items())
    assert not all(torch.equal(starts[1][name], tensor) for name, tensor in handed_on.items())


def test_weights_wanted_later_come_from_the_same_stage_run_again(
    plan: Plan, store: Store, tmp_path: Path
) -> None:
    stage = find(plan, "refine", *NAMES)
    at_once = Store(tmp_path / "at-once")
    run_stage(stage, at_once, keep_model=True)
    run_stage(stage, store, keep_model=False)
    result = (store.folder(stage) / "result.json").read_bytes()
    run_stage(stage, store, keep_model=True)
    assert (store.folder(stage) / "result.json").read_bytes() == result
    weights = [s.checked_model(stage) / "model.safetensors" for s in (store, at_once)]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def elsewhere(monkeypatch: pytest.MonkeyPatch, noise: float) -> None:
    """Learn as another processor would: what it rounds otherwise is noise on the first weights."""
    build = start_module.build_model

    def nearly(*args: Any) -> Any:
        model = build(*args)
        generator = torch.Generator().manual_seed(1)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(noise * torch.randn(parameter.shape, generator=generator))
        return model

    monkeypatch.setattr(start_module, "build_model", nearly)


def test_weights_made_on_another_processor_agree_to_rounding(
    plan: Plan, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = find(plan, "finetune", "colour", parents=1)
    (stage,) = child.parents
    run_stage(stage, store, keep_model=False)
    before = content(store, stage)
    elsewhere(monkeypatch, 1e-7)
    run_stage(stage, store, keep_model=True)
    weights = store.weights(stage)
    assert weights.alike == {}
    assert not (store.checked_model(stage) / "again").exists()
    assert content(store, stage) == before
    run_stage(child, store, keep_model=False)
    assert store.record(child).provenance.starts == {stage.name: weights}


def test_weights_that_answer_otherwise_are_kept_as_another_attempt(
    plan: Plan, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = find(plan, "finetune", "colour", parents=1)
    (stage,) = child.parents
    task = stage.tasks[0].task
    run_stage(stage, store, keep_model=False)
    before = files(store.folder(stage))
    elsewhere(monkeypatch, 0.3)
    run_stage(stage, store, keep_model=True)
    assert files(store.folder(stage)) == before
    weights = store.weights(stage)
    assert set(weights.alike) == {"colour"} and weights.alike["colour"] < 1
    # The attempt says and answers all that a stage does.
    again = store.checked_model(stage) / "again"
    assert set(files(again)) == set(store.files(stage))
    path = again / "predictions" / "0.test.parquet"
    found = answers_from(path.read_bytes(), path, stage, "colour", "test")
    committed = StoredAnswers(store).answers(stage, task)
    assert found.scores is not None and committed.scores is not None
    far = [
        max(abs(x - y) for x, y in zip(a, b, strict=True)) > 1e-3
        for a, b in zip(found.scores.to_pylist(), committed.scores.to_pylist(), strict=True)
    ]
    assert weights.alike["colour"] == pytest.approx(1 - sum(far) / len(far))
    # Its children start from it, and say so.
    monkeypatch.undo()
    run_stage(child, store, keep_model=False)
    assert store.record(child).provenance.starts == {stage.name: weights}
    assert other_attempts(plan, store)[0].startswith("1 stage begins from weights")
    assert stage.family in other_attempts(plan, store)[0]


def test_another_attempt_that_chose_another_epoch_does_not_agree(
    plan: Plan, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = find(plan, "refine", *NAMES)
    run_stage(stage, store, keep_model=False)
    train = train_module.train

    def otherwise(*args: Any) -> Any:
        learned = train(*args)
        return replace(learned, handed_on=3 - learned.handed_on)

    monkeypatch.setattr(train_module, "train", otherwise)
    run_stage(stage, store, keep_model=True)
    assert store.weights(stage).alike == {"colour": 1, "people": 1}


def test_weights_that_could_not_be_kept_are_made_later(
    plan: Plan, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = find(plan, "refine", "colour")

    def refuse(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(keep_module, "save_body", refuse)
        with pytest.raises(StageFailed, match="No space left"):
            run_stage(stage, store, keep_model=True)
    assert store.is_done(stage)
    assert not store.has_model(stage)
    run_stage(stage, store, keep_model=True)
    assert store.has_model(stage)
    assert store.failure(stage) is None


def test_a_committed_stage_that_fails_when_run_again_is_a_failure(
    plan: Plan, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone, joint = find(plan, "refine", "colour"), find(plan, "refine", *NAMES)
    run(replace(plan, stages=(alone, joint)), store, Diary())
    assert failed_stages(plan, store) == frozenset()
    with monkeypatch.context() as patch:
        forbid(patch, RuntimeError("out of memory"))
        with pytest.raises(StageFailed):
            run_stage(alone, store, keep_model=True)
    children = {stage.id for stage in plan if alone in stage.parents}
    assert failed_stages(plan, store) == children != set()
    run_stage(alone, store, keep_model=True)
    assert failed_stages(plan, store) == frozenset()


def test_weights_of_a_run_that_another_overtook_are_held_against_its_results(
    plan: Plan, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = find(plan, "refine", "colour")
    train = train_module.train

    def overtaken(*args: Any) -> Any:
        monkeypatch.undo()
        run_stage(stage, store, keep_model=False)
        learned = train(*args)
        learned.predictions["colour", "test"].scores[0][0] += 0.01
        return learned

    monkeypatch.setattr(train_module, "train", overtaken)
    run_stage(stage, store, keep_model=True)
    assert store.weights(stage).alike == {"colour": pytest.approx(8 / 9)}


# One after another


@dataclass
class Diary:
    """Writes down what an executor tells."""

    events: list[tuple[str, Stage]] = field(default_factory=list)

    def started(self, stage: Stage) -> None:
        self.events.append(("started", stage))

    def epoch(self, stage: Stage, epoch: dict[str, Any]) -> None:
        self.events.append(("epoch", stage))

    def finished(self, stage: Stage) -> None:
        self.events.append(("finished", stage))

    def failed(self, stage: Stage, message: str, log: Path | None) -> None:
        assert message
        self.events.append(("failed", stage))

    def held_back(self, stage: Stage) -> None:
        self.events.append(("held back", stage))

    def of(self, event: str) -> list[str]:
        return [stage.id for what, stage in self.events if what == event]


def run(plan: Plan, store: Store, diary: Diary, *, fail_fast: bool = False) -> None:
    todo = Todo(plan, plan.parents(), in_order=True, fail_fast=fail_fast)
    InProcess().run(todo, store, diary)


def test_a_plan_is_run_parents_first_and_keeps_parents_models_only(
    plan: Plan, store: Store
) -> None:
    diary = Diary()
    run(plan, store, diary)
    assert diary.of("finished") == diary.of("started") == [stage.id for stage in plan]
    assert diary.of("epoch") == [stage.id for stage in plan for _ in range(2)]
    for stage in plan:
        assert store.is_done(stage)
        assert store.has_model(stage) == (stage.id in plan.parents())
        earlier = diary.of("finished")[: diary.of("finished").index(stage.id)]
        assert all(parent.id in earlier for parent in stage.parents)
    assert not plan.missing(store.is_done, store.has_model).stages


@pytest.fixture
def failing(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """The joint stage, which will fail; all others succeed at once."""
    joint = find(plan, "refine", *NAMES)

    def pretend(stage: Stage, store: Store, **_: Any) -> None:
        if stage.id == joint.id:
            raise StageFailed("it fell", store.root)

    monkeypatch.setattr(in_process, "run_stage", pretend)
    return joint


def test_a_failed_stage_holds_back_only_its_descendants(
    plan: Plan, store: Store, failing: Stage
) -> None:
    diary = Diary()
    run(plan, store, diary)
    children = [stage.id for stage in plan if failing.id in {p.id for p in stage.parents}]
    assert len(children) == 2
    assert diary.of("failed") == [failing.id]
    assert diary.of("held back") == children
    assert set(diary.of("finished")) == {s.id for s in plan} - {failing.id, *children}


def test_failing_fast_starts_nothing_more(plan: Plan, store: Store, failing: Stage) -> None:
    diary = Diary()
    run(plan, store, diary, fail_fast=True)
    assert diary.of("failed") == diary.of("started")[-1:] == [failing.id]
    assert len(diary.of("started")) < len(plan) - 2


def test_what_is_learned_with_dev_is_not_taken_for_train_alone(study: Study, store: Store) -> None:
    # Both stages run in one process, which keeps what it encoded.
    updates = {}
    for splits in ("train", "train_and_dev"):
        recipe = study.refine.model_copy(update={"train_on": splits, "batch_size": 8})
        single = make_plan(study.model_copy(update={"refine": recipe}))
        stage = find(single, "refine", "colour")
        run_stage(stage, store, keep_model=False)
        lines = store.read(stage, "history.jsonl").decode().splitlines()
        updates[splits] = [json.loads(line)["updates"] for line in lines]
    assert updates == {"train": [3, 3], "train_and_dev": [4, 4]}  # of 24 rows, and of 32
