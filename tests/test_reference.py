"""Replays of what the original code computed; numbers are read where they are, or copied here."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from transfer_study.errors import DataError
from transfer_study.reference import differing_ids, main, replay

RECORDED = Path(__file__).parent / "reference"
TRACES = ("bert_adam", "bert_adamax_clipped")


@pytest.mark.parametrize("name", TRACES)
def test_the_production_loop_gives_the_recorded_trajectory(name: str) -> None:
    deviation = replay(RECORDED / name)
    assert deviation.updates == 36
    assert deviation.loss < 1e-4
    assert deviation.parameters < 1e-3
    assert deviation.tensor < 1e-3
    assert deviation.answers > 300
    assert deviation.predictions == 0
    assert deviation.score < 1e-5


def test_other_recorded_answers_are_told(tmp_path: Path, capsys: Any) -> None:
    folder = changed(tmp_path, "bert_adam", {})
    trace = json.loads((folder / "trace.json").read_bytes())
    said = trace["evaluation"]
    said["sentence"]["predictions"][2] += 1
    said["ner"]["predictions"][0][3] += 1
    said["pair"]["scores"][0] += 0.25
    (folder / "trace.json").write_text(json.dumps(trace))
    deviation = replay(folder)
    assert deviation.predictions == 2
    assert deviation.score == pytest.approx(0.25, abs=1e-5)
    assert main([str(folder)]) == 0
    assert "2 of 341 predictions differ" in capsys.readouterr().out


def test_the_odd_piece_of_a_pair_is_the_originals(tmp_path: Path) -> None:
    # Worked out by the original's rule: its recorded pairs have none whose second text is longer.
    assert list(differing_ids(RECORDED / "pair_cut")) == []
    cases = json.loads((RECORDED / "pair_cut" / "cases.json").read_bytes())
    kept = [(c["type_id"].count(1) - 1, c["type_id"].count(0) - 2) for c in cases["pair"]]
    assert kept == [(7, 6), (7, 6), (7, 6), (2, 11)]


def test_preprocessing_gives_the_recorded_ids() -> None:
    assert list(differing_ids(RECORDED / "preprocessing")) == []


def changed(folder: Path, name: str, optimizer: dict[str, Any]) -> Path:
    copy = folder / name
    shutil.copytree(RECORDED / name, copy)
    trace = json.loads((copy / "trace.json").read_bytes())
    trace["optimizer"] |= optimizer
    (copy / "trace.json").write_text(json.dumps(trace))
    return copy


@pytest.mark.parametrize(
    "optimizer",
    [
        {"name": "BertAdam"},
        {"schedule": "warmup_constant"},
        {"clip_each_parameter": 0.01},
        {"clip_global": 0.01},
        {"weight_decay": 0.0},
        {"warmup": 0.3},
    ],
)
def test_every_switch_of_the_optimiser_matters(tmp_path: Path, optimizer: dict[str, Any]) -> None:
    deviation = replay(changed(tmp_path, "bert_adamax_clipped", optimizer))
    assert deviation.parameters > 1e-5


def test_what_cannot_be_replayed_is_told(tmp_path: Path, capsys: Any) -> None:
    with pytest.raises(DataError, match="eps"):
        replay(changed(tmp_path, "bert_adam", {"eps": 1e-8}))
    with pytest.raises(DataError, match="'Lamb'; known are BertAdam, BertAdamax"):
        replay(changed(tmp_path / "other", "bert_adam", {"name": "Lamb"}))
    assert main([str(tmp_path / "nothing")]) == 2
    assert "holds no trace.json" in capsys.readouterr().err


def test_a_difference_of_ids_is_told_and_is_a_failure(tmp_path: Path, capsys: Any) -> None:
    cases = json.loads((RECORDED / "preprocessing" / "cases.json").read_bytes())
    cases["pair"][3]["token_id"][5] += 1
    (tmp_path / "cases.json").write_text(json.dumps(cases))
    assert main([str(tmp_path)]) == 1
    assert "pair 3: ids differ" in capsys.readouterr().out


def test_all_folders_inside_a_folder_are_replayed() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "transfer_study.reference", str(RECORDED)],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert [line.split(":")[0] for line in lines] == [*TRACES, "pair_cut", "preprocessing"]


def test_recorded_starts_and_ends_differ() -> None:
    for name in TRACES:
        folder = RECORDED / name
        with np.load(folder / "init.npz") as start, np.load(folder / "final.npz") as end:
            assert max(float(np.abs(end[k] - start[k]).max()) for k in start.files) > 1e-2
