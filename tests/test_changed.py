"""A study that was changed stops before it leaves behind what was run, and says what changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Command
from transfer_study.data import fingerprints
from transfer_study.session.plans import make_plan
from transfer_study.store.store import Store
from transfer_study.study.file.study_file import read_study
from transfer_study.study.recipes import recipe
from transfer_study.study.recipes.recipe import Precision

STUDY = """\
name: colours
encoder: {name: tiny, tiny: {hidden_size: 16, layers: 1, heads: 2}}
tasks:
  - name: colour
    kind: classification
    labels: [red, blue]
    source: {format: tsv, folder: colour}
arms: [single]
readings: [refine]
seeds: 1
refine: {epochs: 1}
"""
OTHER = """\
  - name: topics
    kind: multilabel
    labels: [sea, sky, war, law]
    source: {format: synthetic, task: topics, train: 30, dev: 20, test: 20}
arms: [single, full]
"""
Run = Callable[..., tuple[int, str]]


def write_data(folder: Path, first: str = "the") -> None:
    (folder / "colour").mkdir(exist_ok=True)
    for split in ("train", "dev", "test"):
        rows = [
            f"{first if split == 'train' and not n else 'the'} house {split}{n}\t{label}"
            for n, label in enumerate(["red", "blue"] * 6)
        ]
        (folder / "colour" / f"{split}.tsv").write_text("\n".join(["text\tlabel", *rows]) + "\n")


@pytest.fixture
def study(tmp_path: Path) -> Path:
    write_data(tmp_path)
    path = tmp_path / "colours.yaml"
    path.write_text(STUDY)
    return path


@pytest.fixture
def run(command: Command, study: Path, tmp_path: Path) -> Run:
    """Runs the study, which has been run once on a machine that computes float32."""

    def again(*more: str) -> tuple[int, str]:
        places = [w for n in ("store", "results", "plots") for w in (f"--{n}", str(tmp_path / n))]
        code, _, error = command("run", str(study), "--executor", "in-process", *places, *more)
        return code, " ".join(error.split())

    return again


@pytest.fixture
def once(run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(fingerprints, "native_precision", lambda: Precision.FLOAT32)
    assert run()[0] == 0
    return run


def files(folder: Path) -> dict[str, bytes]:
    places = (folder / "store", folder / "results")
    return {str(p): p.read_bytes() for at in places for p in at.rglob("*") if p.is_file()}


def stops(once: Run, folder: Path, said: str, *more: str) -> None:
    """It says so and writes nothing; told to go on it does, and no longer asks."""
    before = files(folder)
    code, error = once(*more)
    assert code == 2, error
    assert said in error and "--changed" in error
    assert "1 stage would be run again otherwise" in error
    assert files(folder) == before
    code, error = once(*more, "--changed")
    assert code == 0, error
    assert once(*more)[0] == 0


def test_a_recipe_that_was_edited(once: Run, study: Path, tmp_path: Path) -> None:
    study.write_text(STUDY.replace("epochs: 1", "epochs: 2"))
    stops(once, tmp_path, "refine.epochs was 1, is 2")
    # Both are in the store now: nothing would run again.
    study.write_text(STUDY)
    assert once()[0] == 0


def test_a_setting_of_the_command(once: Run, tmp_path: Path) -> None:
    stops(once, tmp_path, "refine.batch_size was 32, is 4", "--set", "refine.batch_size=4")


def test_data_of_other_content(once: Run, tmp_path: Path) -> None:
    write_data(tmp_path, first="a")
    stops(once, tmp_path, "the train rows of colour was 12 of sha256")


def test_another_encoder(once: Run, study: Path, tmp_path: Path) -> None:
    study.write_text(STUDY.replace("hidden_size: 16", "hidden_size: 32"))
    stops(once, tmp_path, "the content of the encoder tiny was")


def test_a_precision_that_another_machine_chooses(
    once: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fingerprints, "native_precision", lambda: Precision.BFLOAT16)
    code, error = once()
    assert code == 2 and "refine.precision was float32, is bfloat16 (`precision: auto` is" in error
    assert once("--set", "refine.precision=float32")[0] == 0  # as it says


def test_another_version_of_this_package(
    once: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipe, "RECIPE_VERSION", 99)
    stops(once, tmp_path, "the version of transfer-study's learning code was 2, is 99")


def test_what_only_adds_goes_on(once: Run, study: Path) -> None:
    assert once("--set", "seeds=2")[0] == 0
    study.write_text(STUDY.replace("arms: [single]\n", OTHER))
    assert once()[0] == 0
    study.write_text(STUDY)  # and what takes away, too
    assert once()[0] == 0


def test_what_a_run_that_was_cut_short_had_committed_counts(
    once: Run, study: Path, tmp_path: Path
) -> None:
    """The record is written before the first stage, and says of none that it was run."""
    place = tmp_path / "results" / "colours" / "stages.json"
    record = json.loads(place.read_text())
    for stage in record["stages"]:
        stage["run"] = False
    place.write_text(json.dumps(record))
    study.write_text(STUDY.replace("epochs: 1", "epochs: 2"))
    assert once()[0] == 2
    (stage,) = make_plan(read_study(study))
    assert not Store(tmp_path / "store").is_done(stage)
