"""`patience`: a stage ends once dev gets no better, and everything that is told of it is right."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.conftest import Command
from transfer_study.execute.run_stage import run_stage
from transfer_study.session.plans import make_plan
from transfer_study.store.chosen import chosen_epoch, history
from transfer_study.store.predictions import StoredAnswers
from transfer_study.store.store import Store
from transfer_study.study.file.study_file import read_study
from transfer_study.study.stage import StageKind

# At such a rate no score ever changes: the first epoch stays the best.
STALE = ("--set", "refine.epochs=6", "--set", "refine.learning_rate=1e-12")
PATIENT = (*STALE, "--set", "refine.patience=2")
# At such a rate entities are found better in every epoch.
FAST = ("--set", "refine.epochs=3", "--set", "refine.learning_rate=0.01")
FAST = (*FAST, "--set", "refine.batch_size=8")
ALONE = ("--set", "arms=[single]", "--set", "seeds=1")
HERE = ("--executor", "in-process")


def settings(*options: str) -> list[str]:
    return [word for word in options if word != "--set"]


@pytest.mark.parametrize(
    ("changes", "where", "said"),
    [
        (["refine.epochs=1"], "refine", "of 1 epoch it can spare none"),
        (["refine.epochs=3"], "refine", "give 4 epochs or more"),
        (["refine.selection=last"], "refine", "scores dev in no epoch before the last"),
        (["refine.selection=best_test"], "refine", "would let the test set end training"),
        (["protocol=paper", "arms=[single,full]"], "refine", "`protocol: paper` would let"),
        (["refine.train_on=train_and_dev"], "refine", "learns dev"),
        (["refine.patience=0"], "refine", "found 0"),
        (["refine.patience=soon"], "refine", "found 'soon'"),
        (["variants={a: {epochs: 2}, b: {}}"], "variants.a", "of 2 epochs it can spare none"),
        (["pretrain={patience: 2}"], "pretrain", "of 3 epochs it can spare none"),
    ],
)
def test_patience_that_could_do_nothing_or_is_not_sound_is_refused(
    small_study: Path, command: Command, changes: list[str], where: str, said: str
) -> None:
    options = [w for c in ["refine.epochs=6", "refine.patience=2", *changes] for w in ("--set", c)]
    code, out, err = command("plan", str(small_study), *options)
    assert code == 2
    assert out == ""
    (line,) = (line for line in err.splitlines() if "patience" in line and said in line)
    assert f"{where}.patience" in line
    assert not (small_study.parent / "results").exists()


def test_a_stage_that_ended_early_is_told_as_what_it_is(
    small_study: Path, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = command("run", str(small_study), *PATIENT, *ALONE, *HERE)
    assert code == 0
    # As lines are folded, a mark that joins words is a space.
    assert " ".join(err.split()).count("ended early: 3/6 epochs") == 3
    study = read_study(small_study, settings(*PATIENT, *ALONE))
    store = Store(tmp_path / "results" / "stages")
    for stage in make_plan(study):
        assert len(history(store, stage)) == store.record(stage).ended_after == 3
        assert chosen_epoch(store, stage, None).epoch == 1
    report = (tmp_path / "results" / "small" / "report.md").read_text(encoding="utf-8")
    assert "Of 3 stages with patience 3 ended early; together they made 50% of their epochs." in (
        report
    )
    assert (
        "Training ended early: of at most 6 epochs after 2 with no better dev score of any of its "
        "tasks, nor of their mean (refine)." in report
    )
    assert "best in the last of all epochs" not in report
    # Done is done, and what is lost comes back as it was.
    *_, err = command("run", str(small_study), *PATIENT, *ALONE, *HERE)
    assert "All 3 stages are done" in err
    lost = next(iter(make_plan(study)))
    before = StoredAnswers(store).answers(lost, lost.tasks[0].task)
    shutil.rmtree(store.folder(lost))
    shutil.rmtree(tmp_path / "results" / "small")  # whose answers would do
    code, *_ = command("run", str(small_study), *PATIENT, *ALONE, *HERE, "-q")
    assert code == 0
    assert StoredAnswers(store).answers(lost, lost.tasks[0].task) == before
    assert store.record(lost).ended_after == 3
    # What is still to come may end early too: its epochs are the most.
    more = (*PATIENT, *ALONE[:-1], "seeds=2")
    code, out, _ = command("plan", str(small_study), *more)
    assert code == 0
    assert "at most about" in out
    assert "with `patience` stages may end early" in " ".join(out.split())
    assert json.loads(command("plan", str(small_study), *more, "--json")[1])["at_most"] is True
    code, out, _ = command("status", str(small_study), *more)
    assert "at most about" in " ".join(out.split())
    code, out, _ = command("export", str(small_study), *PATIENT, *ALONE, "--task=topics", "--to=m")
    assert code == 0
    card = (tmp_path / "m" / "README.md").read_text(encoding="utf-8")
    assert "epoch 1 of 3, by patience and not 6" in " ".join(card.split())


def test_a_stage_that_was_still_gaining_is_a_doubt(
    small_study: Path, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And is the same stage as without patience but for its id."""
    monkeypatch.chdir(tmp_path)
    tasks = small_study.read_text(encoding="utf-8")
    kept = tasks[: tasks.index("  - name: topics")] + tasks[tasks.index("arms:") :]
    small_study.write_text(kept, encoding="utf-8")
    answers = []
    for patience in ([], ["--set", "refine.patience=1"]):
        options = [*ALONE, *patience, *FAST]
        assert command("run", str(small_study), *options, *HERE, "-q", "--changed")[0] == 0
        (stage,) = make_plan(read_study(small_study, settings(*options)))
        store = Store(tmp_path / "results" / "stages")
        answers.append(StoredAnswers(store).answers(stage, stage.tasks[0].task))
        assert [epoch.epoch for epoch in history(store, stage)] == [1, 2, 3]
        assert chosen_epoch(store, stage, None).epoch == 3
        assert store.record(stage).ended_after is None
        report = (tmp_path / "results" / "small" / "report.md").read_text(encoding="utf-8")
        said = "1 stage with patience was best in the last of all epochs" in report
        assert said == bool(patience)
    assert answers[0] == answers[1]


def test_pretraining_ends_once_held_out_texts_are_predicted_no_better(
    small_study: Path, tmp_path: Path
) -> None:
    pretrain = "{texts: tasks, epochs: 5, patience: 1, learning_rate: 1e-12, precision: float32}"
    study = read_study(small_study, settings(*ALONE, f"pretrain={pretrain}"))
    stage = next(stage for stage in make_plan(study) if stage.kind is StageKind.PRETRAIN)
    store = Store(tmp_path / "store")
    run_stage(stage, store, keep_model=False)
    assert (store.record(stage).ended_after, store.record(stage).handed_on_epoch) == (2, 1)
    run_stage(stage, store, keep_model=True)  # again, for its weights
    assert not store.weights(stage).alike
