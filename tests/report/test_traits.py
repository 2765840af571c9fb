"""Traits of test examples: found in the data once, and known without them afterwards."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from transfer_study.analysis.meaning.answered import UNSEEN, WORDS, overlap
from transfer_study.data import splits
from transfer_study.report.traits import TRAITS_FILE, keep_traits, traits_of
from transfer_study.session.plans import make_plan
from transfer_study.study.file.study_file import read_study
from transfer_study.study.plan import Plan

_STUDY = """\
name: traits
encoder: {{name: tiny, tiny: {{}}}}
data: {data}
tasks:
  - name: names
    kind: tagging
    labels: [A, B]
    source: {{format: conll, folder: names, columns: {{text: 0, label: 1}}}}
  - name: moods
    kind: classification
    labels: ["yes", "no"]
    source: {{format: tsv, folder: moods, columns: {{text: text, label: label}}}}
arms: [single, pairs]
readings: [refine]
seeds: 2
"""
_SENTENCES = {
    "train": ["Aspirin B-A|helps O", "mild O|Fever B-B"],
    "dev": ["dev O|Pain B-B"],
    "test": ["ASPIRIN B-A|and O|fever B-A", "Pain B-B|. O", "nothing O|here O|at O|all O"],
}
_MOODS = {"train": ["and nothing", "here, pain!"], "dev": ["dev"], "test": ["helps", "... !"]}


def _write(folder: Path) -> Path:
    for split, sentences in _SENTENCES.items():
        (folder / "names").mkdir(parents=True, exist_ok=True)
        lines = "\n\n".join(s.replace(" ", "\t").replace("|", "\n") for s in sentences)
        (folder / "names" / f"{split}.tsv").write_text(f"{lines}\n", encoding="utf-8")
        (folder / "moods").mkdir(parents=True, exist_ok=True)
        rows = [f"{text}\t{'yes' if n % 2 else 'no'}" for n, text in enumerate(_MOODS[split])]
        text = "\n".join(["text\tlabel", *rows])
        (folder / "moods" / f"{split}.tsv").write_text(f"{text}\n", encoding="utf-8")
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return _write(tmp_path / "data")


@pytest.fixture
def plan(tmp_path: Path, data: Path) -> Plan:
    path = tmp_path / "traits.yaml"
    path.write_text(_STUDY.format(data=data), encoding="utf-8")
    return make_plan(read_study(path))


def test_what_examples_are_like(plan: Plan, tmp_path: Path) -> None:
    traits = traits_of(plan, tmp_path)
    names = traits["names"]
    assert names[WORDS].tolist() == [3, 1, 4]
    # Case does not tell mentions apart, but their type does; a sentence may have none.
    np.testing.assert_array_equal(names[UNSEEN], [0.5, 1.0, np.nan])
    np.testing.assert_allclose(names[overlap("moods")], [1 / 3, 1, 2 / 4])
    np.testing.assert_array_equal(traits["moods"][overlap("names")], [1, np.nan])


def test_they_are_known_without_the_data(plan: Plan, tmp_path: Path, data: Path) -> None:
    found = traits_of(plan, tmp_path)
    keep_traits(plan, found, tmp_path)
    before = (tmp_path / TRAITS_FILE).read_bytes()
    shutil.rmtree(data)
    splits._planned.cache_clear()
    kept = traits_of(plan, tmp_path)
    assert {task: list(of) for task, of in kept.items()} == {t: list(of) for t, of in found.items()}
    for task, of in found.items():
        for name, values in of.items():
            np.testing.assert_array_equal(kept[task][name], values)
    keep_traits(plan, kept, tmp_path)
    assert (tmp_path / TRAITS_FILE).read_bytes() == before
    assert traits_of(plan, tmp_path / "elsewhere") == {}


def test_those_of_other_data_are_not_taken_for_these(
    plan: Plan, tmp_path: Path, data: Path
) -> None:
    keep_traits(plan, traits_of(plan, tmp_path), tmp_path)
    with (data / "moods" / "train.tsv").open("a", encoding="utf-8") as file:
        file.write("ASPIRIN and fever\tyes\n")
    splits._planned.cache_clear()
    other = make_plan(read_study(tmp_path / "traits.yaml"))
    found = traits_of(other, tmp_path)
    np.testing.assert_allclose(found["names"][overlap("moods")], [1, 1, 2 / 4])


def test_of_too_many_edges_the_words_are_not_compared(
    plan: Plan, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr("transfer_study.report.traits.MOST", 1)
    found = traits_of(plan, tmp_path)
    assert {task: list(of) for task, of in found.items()} == {
        "names": [WORDS, UNSEEN],
        "moods": [WORDS],
    }
