"""A model taken home answers as the study did, was chosen on dev, and says what it is."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import pipeline
from transformers.utils import logging

from transfer_study.cli import main
from transfer_study.data.splits import load
from transfer_study.data.streams import stream
from transfer_study.data.tokens.encode import word_windows
from transfer_study.errors import DataError, ExportError, StoreError
from transfer_study.execute import start
from transfer_study.execute.executor import Todo
from transfer_study.execute.in_process import InProcess
from transfer_study.execute.progress import Silent
from transfer_study.learn import train as train_module
from transfer_study.metrics import score
from transfer_study.session.plans import make_plan
from transfer_study.store.predictions import StoredAnswers, answers_from
from transfer_study.store.store import Store
from transfer_study.study.file.study_file import read_study
from transfer_study.study.plan import Plan
from transfer_study.study.stage import Stage
from transfer_study.study.tasks.example import Example
from transfer_study.study.tasks.task import Task
from transfer_study.take_home import write
from transfer_study.take_home.export import Exported, Wanted, export_model

logging.set_verbosity_error()
logging.disable_progress_bar()

FILLERS = ("we", "saw", "a", "then", "one", "more", "near", "the", "house", "today")
LENGTH = 24

STUDY = """\
name: homely
encoder:
  name: tiny
  tiny: {texts: [texts.txt], hidden_size: 32, layers: 1, heads: 2, max_length: 32}
tasks:
  - name: colour
    kind: classification
    labels: [red, blue]
    source: {format: jsonl, folder: colour}
    limits: {max_train: 8}
  - name: warmth
    kind: classification
    labels: [cold, warm]
    source: {format: jsonl, folder: warmth, columns: {text2: text2}}
  - name: pets
    kind: multilabel
    labels: [cat, dog]
    source: {format: jsonl, folder: pets}
  - name: cats
    kind: regression
    source: {format: jsonl, folder: cats, columns: {text2: text2}}
  - name: people
    kind: tagging
    domain: clinical
    labels: [Person]
    source: {format: jsonl, folder: people}
arms: [single, full]
seeds: 2
refine: {epochs: 20, batch_size: 4, learning_rate: 0.001, max_length: 24, precision: float32}
finetune: {epochs: 1, batch_size: 8, learning_rate: 0.003, max_length: 24, precision: float32}
"""
NAMES = ("colour", "warmth", "pets", "cats", "people")


def draw(name: str, random: np.random.Generator, flipped: bool) -> dict[str, Any]:
    def text(*words: str, n: int = 5) -> list[str]:
        drawn = [*map(str, random.choice(FILLERS, n)), *words]
        return [drawn[i] for i in random.permutation(len(drawn))]

    colour = str(random.choice(["red", "blue"]))
    if name == "colour":
        # Its few training sentences need the other task's; and its test set says the opposite, so
        # that what is best on dev is worst on test.
        label = {"red": "blue", "blue": "red"}[colour] if flipped else colour
        return {"text": " ".join(text(colour)), "label": label}
    if name == "warmth":
        words = {"text": " ".join(text(colour)), "text2": " ".join(text())}
        return {**words, "label": "warm" if colour == "red" else "cold"}
    if name == "pets":
        pets = [pet for pet in ("cat", "dog") if random.random() < 0.5]
        return {"text": " ".join(text(*pets)), "label": pets}
    if name == "cats":
        count = int(random.integers(3))
        texts = " ".join(text(*["cat"] * count)), " ".join(text(n=9))
        return {"text": texts[0], "text2": texts[1], "label": str(2.5 * count)}
    # Words of several pieces, with punctuation inside, in sentences that may need two windows.
    words = text("anna", "bob-smith", n=int(random.integers(4, 30)))
    tags = ["B-Person" if word in ("anna", "bob-smith") else "O" for word in words]
    return {"text": words, "label": tags}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the corpora, the study and its store after the run."""
    root = tmp_path_factory.mktemp("homely")
    (root / "texts.txt").write_text(" ".join([*FILLERS, "red blue cat dog anna bob smith"]))
    for name in NAMES:
        (root / name).mkdir()
        for split, size in (("train", 64), ("dev", 24), ("test", 30)):
            random = stream(name, split)
            rows = [draw(name, random, split == "test") for _ in range(size)]
            lines = "".join(json.dumps(row) + "\n" for row in rows)
            (root / name / f"{split}.jsonl").write_text(lines)
    (root / "study.yaml").write_text(STUDY)
    longer = make_longer(root)
    stages = [
        stage
        for stage in longer
        if stage.kind == "refine" or (stage.task_names == ("people",) and full_parent(stage))
    ]
    part = replace(longer, stages=tuple(stages))
    InProcess().run(Todo(part, part.parents()), Store(root / "store"), Silent())
    return root


def make_longer(root: Path) -> Plan:
    """The plan of the study with both readings."""
    return make_plan(read_study(root / "study.yaml", ["readings=[refine, finetune]"], root))


def full_parent(stage: Stage) -> bool:
    return any(len(parent.tasks) == len(NAMES) for parent in stage.parents)


@pytest.fixture(scope="module")
def plan(made: Path) -> Plan:
    """The plan of the study, all of whose stages are complete."""
    return make_plan(read_study(made / "study.yaml", (), made))


@pytest.fixture(scope="module")
def longer(made: Path) -> Plan:
    """The plan with both readings; of fine-tuning, `people` after the full mix is complete."""
    return make_longer(made)


@pytest.fixture
def store(made: Path, tmp_path: Path) -> Store:
    """A copy of the store, for tests that change it."""
    return Store(Path(shutil.copytree(made / "store", tmp_path / "store")))


Export = Callable[..., Exported]


@pytest.fixture(scope="module")
def export(
    made: Path, plan: Plan, longer: Plan, tmp_path_factory: pytest.TempPathFactory
) -> Export:
    """Export from the shared store into a new folder."""

    def call(**wanted: Any) -> Exported:
        folder = tmp_path_factory.mktemp("homes") / "model"
        of = longer if wanted.get("reading") == "finetune" else plan
        return export_model(of, Store(made / "store"), Wanted(**wanted), folder)

    return call


def task_of(plan: Plan, name: str) -> Task:
    return next(task for task in plan.study.tasks if task.name == name)


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


# What transformers answers


def asked(folder: Path, task: Task, examples: tuple[Example, ...]) -> Iterator[tuple[Any, Any]]:
    """Label and scores of each example, from the pipeline alone."""
    if str(task.kind) == "tagging":
        tagger = pipeline("token-classification", model=str(folder), ignore_labels=[])
        for example in examples:
            tags, scores = [], []
            pieces = [len(tagger.tokenizer.tokenize(word)) for word in example.text]
            for a, b in word_windows(np.array(pieces), LENGTH - 2):
                words = list(example.text[a:b])
                (found,) = tagger(words, is_split_into_words=True)
                first = {piece["start"]: piece for piece in reversed(found)}
                starts = np.cumsum([0, *(len(word) + 1 for word in words[:-1])])
                tags += [first[start]["entity"] for start in starts.tolist()]
                scores += [first[start]["score"] for start in starts.tolist()]
            yield tuple(tags), scores
        return
    classify = pipeline("text-classification", model=str(folder), truncation=True, top_k=None)
    for example in examples:
        names = ("text", "text_pair")[: len(example.text)]
        by_name = {
            s["label"]: s["score"] for s in classify(dict(zip(names, example.text, strict=True)))
        }
        scores = [by_name[name] for name in task.outputs]
        if str(task.kind) == "classification":
            yield task.labels[int(np.argmax(scores))], scores
        elif str(task.kind) == "multilabel":
            yield tuple(name for name in task.labels if by_name[name] > 0.5), scores
        else:
            yield scores[0], scores


@pytest.mark.parametrize("name", NAMES)
def test_the_pipeline_answers_every_test_example_as_stored(
    name: str, export: Export, made: Path, plan: Plan
) -> None:
    exported = export(task=name)
    task = task_of(plan, name)
    stored = StoredAnswers(Store(made / "store")).answers(exported.card.stage, task)
    answers = list(asked(exported.folder, task, load(task).test))
    assert stored.scores is not None
    probabilities = stored.scores.to_pylist()
    assert exported.card.checked == {name: 30}
    assert len(answers) == len(stored.predicted) == 30
    for (label, scores), predicted, before in zip(
        answers, stored.predicted, probabilities, strict=True
    ):
        assert label == (pytest.approx(predicted, abs=2e-6) if name == "cats" else predicted)
        np.testing.assert_allclose(scores, before, rtol=0, atol=2e-6)
    # What is asked matters to it, so that equal answers are no accident.
    assert np.ptp([row[0] for row in probabilities]) > 1e-4


def test_the_multi_task_model_answers_with_every_head_through_its_loader(
    export: Export, made: Path, plan: Plan
) -> None:
    exported = export(multi=True)
    loader = exported.folder / "load_model.py"
    assert "transfer_study" not in loader.read_text()
    spec = importlib.util.spec_from_file_location("load_model", loader)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    tasks, tokenizer, logits = module.load(exported.folder)
    assert list(tasks) == sorted(NAMES)
    card, store = exported.card, Store(made / "store")
    record = store.record(card.stage)
    assert card.epoch == record.handed_on_epoch
    for name in ("colour", "warmth", "cats"):
        task = task_of(plan, name)
        found = []
        for example in load(task).test:
            inputs = tokenizer(*example.text, truncation=True, return_tensors="pt")
            found.append(logits(name, **inputs)[0])
        if name == "cats":
            labels: list[Any] = [float(x[0]) for x in found]
        else:
            labels = [tasks[name]["outputs"][int(x.argmax())] for x in found]
        (value,) = (
            s.value
            for s in card.scores
            if (s.task, s.split) == (name, "test") and s.metric is task.metric
        )
        path = (
            store.snapshot_folder(card.stage, card.epoch)
            / f"predictions/{card.stage.place(name)}.test.parquet"
        )
        stored = answers_from(path.read_bytes(), path, card.stage, name, "test")
        documents = stored.documents
        found_score = score(task.metric, task, stored.gold, labels, documents)
        assert found_score == pytest.approx(value)
        assert name == "cats" or labels == list(stored.predicted)


# What is chosen


def scored(stored: StoredAnswers, stage: Stage, task: Task, split: str) -> float:
    a = stored.answers(stage, task, split)
    return score(task.metric, task, a.gold, a.predicted, a.documents)


def test_the_best_is_chosen_on_dev_and_never_on_test(
    export: Export, made: Path, plan: Plan
) -> None:
    task, stored = task_of(plan, "colour"), StoredAnswers(Store(made / "store"))
    means: dict[str, dict[str, float]] = {"dev": {}, "test": {}}
    for split, by_arm in means.items():
        for arm in ("single", "full"):
            runs = [s.stage for s in plan.systems if (s.arm, s.target) == (arm, "colour")]
            by_arm[arm] = sum(scored(stored, run, task, split) for run in runs) / 2
    assert means["dev"]["full"] > means["dev"]["single"]
    assert means["test"]["full"] < means["test"]["single"]
    choice = export(task="colour").card.choice
    assert choice.candidate.title.startswith("refine reading, full with")
    compared = {c.title.split(" with")[0]: dev for c, dev in choice.compared}
    assert compared == {
        f"refine reading, {arm}": pytest.approx(dev) for arm, dev in means["dev"].items()
    }
    by_seed = {run.seed: scored(stored, run, task, "dev") for run in choice.candidate.stages}
    assert by_seed[choice.stage.seed] == max(by_seed.values())


def test_what_is_named_is_taken(export: Export) -> None:
    exported = export(task="people", arm="full", reading="finetune", seed=1)
    stage = exported.card.stage
    assert (stage.kind, stage.task_names, stage.seed) == ("finetune", ("people",), 1)
    assert full_parent(stage)
    assert len(exported.card.choice.compared) == 1


def test_of_equals_the_simplest_is_taken() -> None:
    from transfer_study.take_home.choice import Asked, candidates_for, choose

    plan = make_plan(read_study(Path(__file__).parents[1] / "experiments" / "demo.yaml"))
    found = candidates_for(plan, "relation", Asked())
    partners = [c.title.count(",") for c in found]
    assert partners == sorted(partners)
    choice = choose(found, None, lambda _: True, lambda _: 0.5)
    assert choice.candidate is found[0]
    assert choice.candidate.title == "refine reading, single"
    assert choice.stage.seed == plan.study.seeds[0]
    best = choose(found, None, lambda _: True, lambda stage: stage.seed / 100)
    assert best.stage.seed == max(plan.study.seeds) > min(plan.study.seeds)


# How it is made


def test_weights_are_made_once_and_the_results_stay(
    longer: Plan, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = Wanted(task="people", arm="full", reading="finetune", seed=0)
    shutil.rmtree(store.root / "models")  # the parent's weights are made again too
    shutil.rmtree(store.root / "snapshots", ignore_errors=True)
    stages = files(store.root / "stages")
    first = export_model(longer, store, wanted, tmp_path / "first")
    assert files(store.root / "stages") == stages
    assert not any((store.root / "attempts").iterdir())

    def refuse(*_: Any) -> None:
        raise AssertionError("it learned again")

    monkeypatch.setattr(train_module, "train", refuse)
    again = export_model(longer, store, wanted, tmp_path / "again")
    assert files(again.folder) == files(first.folder)
    weights = next((store.root / "snapshots").rglob("heads.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(StoreError, match="not what was committed"):
        export_model(longer, store, wanted, tmp_path / "third")
    assert not (tmp_path / "third").exists()


def test_a_model_made_on_another_processor_is_told_by_its_own_answers(
    plan: Plan, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(store.root / "snapshots", ignore_errors=True)
    stages = files(store.root / "stages")
    build = start.build_model

    def otherwise(*args: Any) -> Any:
        model = build(*args)
        with torch.no_grad():
            for head in model.heads.values():
                head.weight[0] += torch.arange(head.weight.shape[1]) / 200
        return model

    monkeypatch.setattr(start, "build_model", otherwise)
    exported = export_model(plan, store, Wanted(task="colour"), tmp_path / "out")
    assert files(store.root / "stages") == stages
    stage, task = exported.card.stage, task_of(plan, "colour")
    committed = StoredAnswers(store).answers(stage, task)
    assert committed.scores is not None
    answers = list(asked(exported.folder, task, load(task).test))
    found, before = np.array([s for _, s in answers]), np.array(committed.scores.to_pylist())
    same = (np.abs(found - before) <= 1e-3).all(axis=1).mean()
    assert same < 1
    text = " ".join((exported.folder / "README.md").read_text().split())
    assert "This model is of a run of the same recipe and seed that was made for it" in text
    assert f"{same:.1%} of colour" in text
    (mine,) = (
        s.value for s in exported.card.scores if (s.metric, s.split) == (task.metric, "test")
    )
    labels = [label for label, _ in answers]
    assert mine == score(task.metric, task, committed.gold, labels, committed.documents)


def test_a_folder_that_answers_otherwise_is_not_left(
    export: Export, plan: Plan, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_folder = write.write_pipeline_folder

    def spoil(snapshot: Path, place: int, task: Task, folder: Path) -> bool:
        written = write_folder(snapshot, place, task, folder)
        tensors = load_file(folder / "model.safetensors")
        tensors["classifier.bias"][0] += 0.01
        save_file(tensors, folder / "model.safetensors", {"format": "pt"})
        return written

    monkeypatch.setattr(write, "write_pipeline_folder", spoil)
    for name in ("colour", "people"):
        with pytest.raises(ExportError, match=rf"answers \d+ of 30 test examples of {name}"):
            export_model(plan, Store(made / "store"), Wanted(task=name), tmp_path / "out")
        assert not any(tmp_path.iterdir())


# What the card says


def run_card(exported: Exported, capsys: pytest.CaptureFixture[str]) -> str:
    text = (exported.folder / "README.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    path = list(sys.path)
    try:
        exec(code.replace("FOLDER", str(exported.folder)), {})
    finally:
        sys.path[:] = path
        sys.modules.pop("load_model", None)
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("wanted", "printed"),
    [
        ({"task": "colour"}, r"'label': '(red|blue)'"),
        ({"task": "warmth"}, r"'label': '(cold|warm)'"),
        ({"task": "pets"}, r"'label': 'cat'.*'label': 'dog'|'label': 'dog'.*'label': 'cat'"),
        ({"task": "people"}, r"\('words', '(O|B-Person|I-Person)'\)"),
        ({"multi": True}, r"\d\.\d"),
    ],
)
def test_the_code_of_the_card_runs(
    wanted: dict[str, Any],
    printed: str,
    export: Export,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert re.search(printed, run_card(export(**wanted), capsys))


def test_mean_pooling_is_exported_with_a_loader_of_its_own(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = ["refine.pooling=mean", "refine.epochs=1", "arms=[single]", "seeds=1"]
    plan, store = make_plan(read_study(made / "study.yaml", recipe, made)), Store(tmp_path / "s")
    InProcess().run(Todo(plan, plan.parents()), store, Silent())
    for name, printed in (
        ("colour", r"{'blue': 0\.\d+, 'red': 0\.\d+}"),
        ("warmth", r"{'cold': 0\.\d+, 'warm': 0\.\d+}"),
        ("pets", r"{'cat': 0\.\d+, 'dog': 0\.\d+}"),
        ("cats", r"^-?\d+\.\d+"),
    ):
        exported = export_model(plan, store, Wanted(task=name), tmp_path / name)
        assert exported.card.checked == {name: 30}
        assert json.loads((tmp_path / name / "tasks.json").read_text()).keys() == {name}
        text = (tmp_path / name / "README.md").read_text()
        assert ("A second one." in text) == (name in ("warmth", "cats"))
        assert "pipeline_tag" not in text
        assert re.search(printed, run_card(exported, capsys))
    # Tagging reads no pooled text.
    export_model(plan, store, Wanted(task="people"), tmp_path / "people")
    assert not (tmp_path / "people" / "load_model.py").exists()


def test_whoever_may_read_the_card_may_read_the_model(export: Export, made: Path) -> None:
    folders = [export(task="colour").folder, export(multi=True).folder, made / "store"]
    for path in (path for folder in folders for path in folder.rglob("*") if path.is_file()):
        assert path.stat().st_mode & 0o444 == 0o444, path


def test_the_card_tells_what_the_model_is(export: Export, plan: Plan, made: Path) -> None:
    exported = export(task="people", arm="full", reading="finetune")
    card, stage = exported.card, exported.card.stage
    text = (exported.folder / "README.md").read_text()
    assert text.startswith("---\nlibrary_name: transformers\n")
    assert "pipeline_tag: token-classification" in text
    assert stage.id in text and stage.parents[0].id in text
    for name in NAMES:  # its parent has learned them all
        assert f"| {name} | {8 if name == 'colour' else 64} | 24 | 30 |" in text
    assert "epochs: 20\n" in text and "epochs: 1\n" in text
    assert str(made) not in text
    stored = StoredAnswers(Store(made / "store"))
    task = task_of(plan, "people")
    for split in ("dev", "test"):
        values = {
            run.seed: scored(stored, run, task, split) for run in card.choice.candidate.stages
        }
        mean = sum(values.values()) / 2
        reach = 12.7062 * abs(values[0] - values[1]) / 2  # t of one degree of freedom
        row = next(r for r in text.splitlines() if rf"entity\_f1 | {split}" in r)
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert cells[3] == f"{values[stage.seed]:.4f}"
        assert cells[5] == f"{mean:.4f} (2)"
        if not reach:
            assert cells[6] == "none (all runs score alike)"
            continue
        low, high = map(float, cells[6].split(" to "))
        assert (low, high) == pytest.approx((mean - reach, min(mean + reach, 1)), abs=2e-4)
    assert "licences or data use agreements" in text
    assert "- people: clinical text." in text
    config = json.loads((exported.folder / "config.json").read_text())
    assert config["id2label"] == {"0": "O", "1": "B-Person", "2": "I-Person"}
    assert config["label2id"] == {"O": 0, "B-Person": 1, "I-Person": 2}


# What is refused


def test_a_model_of_the_last_epoch_is_as_clean_as_one_that_dev_chose(
    made: Path, tmp_path: Path
) -> None:
    settings = ["arms=[single]", "seeds=1", "refine.epochs=1", "refine.selection=last"]
    one = make_plan(read_study(made / "study.yaml", settings, made))
    colour = next(stage for stage in one if stage.task_names == ("colour",))
    store = Store(tmp_path / "store")
    InProcess().run(Todo(replace(one, stages=(colour,)), frozenset()), store, Silent())
    wanted = Wanted(task="colour", arm="single")
    assert export_model(one, store, wanted, tmp_path / "model").card.stage == colour
    on_test = make_plan(
        read_study(made / "study.yaml", [*settings, "refine.selection=best_test"], made)
    )
    (seen,) = (stage for stage in on_test if stage.task_names == ("colour",))
    InProcess().run(Todo(replace(on_test, stages=(seen,)), frozenset()), store, Silent())
    with pytest.raises(ExportError, match="selection best_test"):
        export_model(on_test, store, wanted, tmp_path / "other")


def refused(made: Path, store: Path, *words: str) -> int:
    """The exit code of the command line."""
    argv = ["transfer-study", "export", str(made / "study.yaml"), "--data", str(made)]
    with pytest.MonkeyPatch.context() as patch:
        places = ["--store", str(store), "--results", str(store.parent / "none")]
        patch.setattr(sys, "argv", [*argv, *places, *words])
        with pytest.raises(SystemExit) as stop:
            main()
    code = stop.value.code
    return code if isinstance(code, int) else -1


BOTH = ("--set", "readings=[refine, finetune]")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--task", "colours"], "found task colours; did you mean 'colour'?"),
        (["--task", "colour", "--arm", "ful"], "found arm ful; did you mean 'full'?"),
        (["--task", "colour", "--arm", "pair:pets"], "allowed: best, single, full\n"),
        (["--task", "colour", "--seed", "7"], "found seed 7; allowed: 0, 1"),
        (["--task", "colour", "--reading", "both"], "found reading both; allowed: refine"),
        (["--task", "colour", "--encoder", "bert"], "found encoder bert; allowed: tiny"),
        (
            ["--task", "colour", "--arm", "control", "--reading", "refine", *BOTH],
            "has no control model of colour in the refine reading",
        ),
        (["--task", "colour", *BOTH], "stages to choose among are not in the store, such as fine"),
        ([], "give --task TASK, or --multi for the full mix"),
        (["--multi", "--arm", "full"], "add --task"),
        (["--multi", "--set", "arms=[single]"], "add `full` to its arms"),
        (["--task", "colour", "--set", "refine.epochs=4"], "run them with `transfer-study run"),
        (["--task", "colour", "--set", "seeds=[1, 5]"], "2 of 4 stages to choose among"),
    ],
)
def test_what_cannot_be_exported_is_told_and_writes_nothing(
    words: list[str], said: str, made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted((made / "store").rglob("*"))
    assert refused(made, made / "store", *words, "--to", str(tmp_path / "out")) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.startswith("error: ")
    assert sorted((made / "store").rglob("*")) == before
    assert not any(tmp_path.iterdir())


def test_folders_that_hold_something_are_left_alone(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    for name, said in (
        ("full", "is not empty; give a new one"),
        ("full/mine.txt", "is a file; give a new one"),
        ("full/mine.txt/below", "mine.txt is no folder; mend it or choose another"),
    ):
        to = ["--task", "colour", "--to", str(tmp_path / name)]
        assert refused(made, made / "store", *to) == 2
        assert said in capsys.readouterr().err
    assert files(tmp_path) == {"full/mine.txt": b"mine"}


def test_data_that_changed_are_told(made: Path, plan: Plan, store: Store, tmp_path: Path) -> None:
    path = made / "colour" / "test.jsonl"
    content = path.read_bytes()
    try:
        path.write_bytes(content.replace(b"house", b"today"))
        with pytest.raises(DataError, match="of colour changed since the study was planned"):
            export_model(plan, store, Wanted(task="colour"), tmp_path / "out")
    finally:
        path.write_bytes(content)
