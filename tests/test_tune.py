"""From a study that does not learn to one that does, through Ray, as a user does it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import Command
from tests.test_cli import call
from tests.test_in_a_terminal import driver_of, environment, heed_signals, names, wait_until
from transfer_study.session.plans import make_plan
from transfer_study.study.file.study_file import read_study
from transfer_study.study.search import targets, tuning_seeds

# The rate is so small that nothing changes; `odd` has no example of what dev and test ask for.
STUDY = """\
# Which of my tasks help each other?
name: hopeless   # as yet
encoder: {name: tiny, tiny: {hidden_size: 32, layers: 1, heads: 2}}
tasks:
  - name: entities
    kind: tagging
    labels: [herb, beast]
    source: {format: synthetic, task: entities, train: 200, dev: 40, test: 30}
  - name: others  # of which there are more
    kind: tagging
    labels: [herb, beast]
    source: {format: synthetic, task: entities, train: 240, dev: 40, test: 30}
  - name: odd
    kind: classification
    labels: ["yes", "no"]
    metric: micro_f1
    negative: "no"
    source: {format: tsv, folder: odd, columns: {id: id}}
arms: [single, pairs]
seeds: [0, 1000000]  # of which one is taken

refine:
  epochs: 2  # few
  learning_rate: 1.0e-9   # hopeless
  precision: float32

margin: 0.03  # three points
"""
TUNED = STUDY.replace("epochs: 2  # few", "epochs: 8  # few").replace(
    "1.0e-9   # hopeless\n  precision: float32\n",
    "3.0e-3   # hopeless\n  precision: float32\n  batch_size: 8\n",
)
SPACE = ("--try", "learning_rate=1e-8,3e-3", "--try", "epochs=8", "--try", "batch_size=8")
SPACE = (*SPACE, "--try", "pooling=pooler")
TRIALS = 9  # the study's own recipe and two more, on three tasks


def write(folder: Path, text: str = STUDY) -> Path:
    (folder / "odd").mkdir(parents=True, exist_ok=True)
    for split, labels in (("train", "no"), ("dev", "no yes"), ("test", "yes no")):
        rows = [
            f"{n}\tthis is {split} {n}\t{labels.split()[n % len(labels.split())]}\n"
            for n in range(12)
        ]
        (folder / "odd" / f"{split}.tsv").write_text("id\ttext\tlabel\n" + "".join(rows))
    path = folder / "study.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def tune(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "transfer_study", "tune", "study.yaml", *SPACE, *more],
        cwd=folder,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def records(folder: Path) -> dict[str, int]:
    """When each trial was recorded, by the id of what it learned."""
    found = (folder / "results/stages/trials").glob("*.json")
    return {path.stem: path.stat().st_mtime_ns for path in found}


@dataclass(frozen=True)
class Tuned:
    folder: Path
    interrupted: str  # what the first command said, which Ctrl-C ended
    kept: dict[str, int]  # the trials that it had recorded
    done: subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Tuned:
    """A search that was interrupted after its first trial, and the same command again."""
    folder = tmp_path_factory.mktemp("tuned")
    write(folder)
    plain = environment(folder)
    places = {name for name in plain if name.startswith("TRANSFER_STUDY_")}
    with subprocess.Popen(
        [sys.executable, "-m", "transfer_study", "tune", "study.yaml", *SPACE],
        cwd=folder,
        env={name: value for name, value in plain.items() if name not in places},
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_signals,  # noqa: PLW1509
    ) as run:
        wait_until(lambda: records(folder), 240)
        session = driver_of(run.pid)
        run.send_signal(signal.SIGINT)
        _, said = run.communicate(timeout=60)
        assert session is not None
        assert names(session) == ""
    assert run.returncode == 130, said
    assert (folder / "study.yaml").read_text(encoding="utf-8") == STUDY
    kept = records(folder)
    return Tuned(folder, said, kept, tune(folder))


@pytest.mark.timeout(900)
def test_a_recipe_that_learns_is_found_and_written_and_nothing_else_changes(tuned: Tuned) -> None:
    done = tuned.done
    assert done.returncode == 0, done.stderr
    assert (tuned.folder / "study.yaml").read_text(encoding="utf-8") == TUNED
    study = read_study(tuned.folder / "study.yaml")
    assert (study.refine.learning_rate, study.refine.epochs) == (0.003, 8)
    # What changed, with its surroundings.
    lines = done.stdout.splitlines()
    assert "-  learning_rate: 1.0e-9   # hopeless" in lines
    assert "+  learning_rate: 3.0e-3   # hopeless" in lines
    assert "+  batch_size: 8" in lines
    assert "study.yaml is written." in done.stdout
    assert "left behind" not in done.stdout  # nothing was run yet


def test_what_will_be_tried_is_said_before_and_what_was_found_after(tuned: Tuned) -> None:
    before, after = tuned.done.stderr, tuned.done.stdout
    lines = before.splitlines()
    assert lines[1] == (
        "Trying up to 3 recipes for `refine` on 3 tasks, each alone: at most 30 min."
    )
    assert "  learning_rate  1.0e-8, 3.0e-3  (now 1.0e-9)" in lines
    assert sum(line.startswith("[") for line in lines) == TRIALS
    assert max(map(len, lines)) <= 80
    assert "recipe    rate  epochs  batch  pooling  learned  mean  time" in after
    assert "entities (entity_f1; a constant answer: " in after
    (best,) = [line for line in after.splitlines() if line.split()[:2] == ["2", "▁"]][:1] or [""]
    assert "█" in after, best
    assert "odd is not learned yet (dev 0.0, a constant answer 66.7), nor by any other" in after
    assert "others is not learned" not in after and "entities is not learned" not in after
    # No word of Ray's.
    assert "ray" not in (before + after).lower().replace("array", "")


def test_nothing_of_the_search_is_a_result(tuned: Tuned) -> None:
    assert sorted(path.name for path in (tuned.folder / "results").iterdir()) == ["stages"]
    store = tuned.folder / "results/stages"
    assert not (store / "stages").exists()
    assert not (store / "models").exists()
    assert not list((store / "attempts").iterdir())
    written = sorted(path.name for path in (tuned.folder / "plots/hopeless").iterdir())
    assert written == ["tune.pdf", "tune.png", "tune.svg"]


def test_seeds_are_none_of_the_study_s(tuned: Tuned) -> None:
    study = read_study(write(tuned.folder / "again"))
    (seed,) = tuning_seeds(study, 1)
    assert seed not in study.seeds
    own = [{"epochs": 2, "learning_rate": 1e-9, "batch_size": 32}]
    recipes = own + [{"epochs": 8, "learning_rate": rate, "batch_size": 8} for rate in (1e-8, 3e-3)]
    found = targets(study, make_plan(study).fingerprints, "refine", (seed,))
    wanted = {t.tried(stage, values).id for t in found for stage in t.stages for values in recipes}
    assert set(records(tuned.folder)) == wanted


def test_an_interrupted_search_goes_on_where_it_was(tuned: Tuned) -> None:
    assert tuned.interrupted.splitlines()[-1].startswith("Interrupted. What is finished is kept")
    assert 1 <= len(tuned.kept) < TRIALS
    after = records(tuned.folder)
    assert {name: after[name] for name in tuned.kept} == tuned.kept
    known = [line for line in tuned.done.stderr.splitlines() if "  known  " in line]
    assert len(known) == len(tuned.kept)


@pytest.mark.timeout(600)
def test_what_was_tried_is_known_to_a_longer_search_and_a_study_s_own_stages_are_counted(
    tuned: Tuned,
) -> None:
    folder = tuned.folder / "more"
    study = write(folder)
    options = ("--store", str(tuned.folder / "results/stages"), "--set", "arms=[single]")
    ran = call(folder, "run", "study.yaml", *options, "--executor", "in-process", "-q")
    assert ran.returncode == 0, ran.stderr
    done = tune(folder, *options, "--json", "--dry-run")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["chosen"] in {one["recipe"] for one in said["recipes"]}
    best = said["recipes"][0]
    assert best["values"]["learning_rate"] == 0.003
    assert said["not_learned"] == ["odd"]
    assert (said["written"], said["left_behind"]) == (False, 6)  # three tasks, two seeds
    assert study.read_text(encoding="utf-8") == STUDY
    assert done.stderr.count("  known  ") == TRIALS
    assert {trial["state"] for one in said["recipes"] for trial in one["trials"]} <= {
        "complete",
        "stopped",
    }


@pytest.mark.timeout(600)
def test_a_budget_that_is_too_small_for_a_recipe_is_said_and_changes_nothing(
    tmp_path: Path,
) -> None:
    study = write(tmp_path)
    done = tune(tmp_path, "--budget", "1s")
    assert done.returncode == 3, done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("error: no recipe was tried on all tasks within the budget")
    assert study.read_text(encoding="utf-8") == STUDY
    assert not (tmp_path / "plots").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--budget", "soon"), "--budget: found 'soon'; give a time such as 90s, 30m or 1h30m"),
        (("--try", "epoch=3"), "--try epoch=3: found 'epoch'; did you mean 'epochs'?"),
        (("--try", "freeze_layers=5"), "freeze_layers is 5, but it has only 1 layers"),
        (("--recipe", "finetune"), "--recipe finetune: no reading of the study answers by it"),
        (("--set", "protocol=paper"), "whose recipe is the original's"),
    ],
)
def test_what_cannot_be_searched_is_said_before_anything_is_tried(
    tmp_path: Path,
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    said: str,
) -> None:
    study = write(tmp_path)
    monkeypatch.chdir(tmp_path)
    code, out, errors = command("tune", str(study), *options)
    assert code == 2
    assert said in errors
    assert "Traceback" not in errors and not out
    assert not (tmp_path / "results").exists()


def test_a_file_that_cannot_be_written_is_said_before_anything_is_tried(
    tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    aliased = STUDY.replace(
        "refine:\n", "heads: &same {learning_rate: 0.1}\nrefine:\n  <<: *same\n"
    )
    study = write(tmp_path, aliased.replace("refine:\n  <<: *same", "refine: *same #"))
    monkeypatch.chdir(tmp_path)
    text = study.read_text(encoding="utf-8")
    text = text[: text.index("refine: *same")] + "refine: *same\n"
    study.write_text(text, encoding="utf-8")
    code, _, errors = command("tune", str(study), *SPACE)
    assert code == 2
    assert "`refine` cannot be changed by itself" in errors
    assert study.read_text(encoding="utf-8") == text


def warnings(errors: str) -> list[str]:
    """The warnings of a run, each on one line."""
    flat = errors.replace("\N{NO-BREAK SPACE}", " ").replace("\n" + " " * 9, " ")
    return [" ".join(line.split()) for line in flat.splitlines() if line.startswith("warning: ")]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Command) -> Callable[..., str]:
    def run(*settings: str) -> str:
        monkeypatch.chdir(tmp_path)
        options = [word for setting in settings for word in ("--set", setting)]
        words = ("run", "study.yaml", "--executor", "in-process", *options)
        code, _, errors = command(*words)
        assert code == 0, errors
        return errors

    write(tmp_path)
    return run


def test_a_run_warns_once_of_each_task_that_its_recipe_does_not_teach(
    run: Callable[..., str],
) -> None:
    errors = run()
    told = warnings(errors)
    assert len(told) == 3, errors
    for name in ("entities", "others", "odd"):
        (one,) = [line for line in told if line.startswith(f"warning: {name} does not learn")]
        assert "`transfer-study tune study.yaml` searches for a recipe" in one
    # After the first seed, while the run goes on.
    lines = errors.splitlines()
    assert lines.index(next(x for x in lines if x.startswith("warning"))) < len(lines) / 2


def test_a_run_does_not_warn_of_what_learns(run: Callable[..., str]) -> None:
    learning = ("refine.learning_rate=0.003", "refine.epochs=8", "refine.batch_size=8")
    (told,) = warnings(run(*learning, "seeds=1", "arms=[single]"))
    assert told.startswith("warning: odd does not learn by its recipe (dev 0.000, a constant")
