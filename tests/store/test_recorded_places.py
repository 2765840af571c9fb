"""What a study says of its data is remembered without the places where they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from transfer_study.store.recorded import _inputs, recorded_plan
from transfer_study.study.file.study_file import read_study

ROOT = Path(__file__).parents[2]
STUDY = """\
name: s
encoder: tiny
arms: [single]
tasks:
- name: t
  kind: classification
  labels: [a, b]
  source: {%s}
"""
PLAIN = "format: csv, folder: t"


def inputs(folder: Path, source: str) -> dict[str, str]:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "s.yaml").write_text(STUDY % source)
    return _inputs(read_study(folder / "s.yaml"))


@pytest.mark.parametrize(
    "name",
    ["controls", "pretrain", "public_biomedical", "public_steady", "public_tagging", "stability"],
)
def test_what_an_earlier_version_recorded_still_counts(name: str) -> None:
    """Whatever keys were added since: both sides are read by the present version."""
    study = read_study(ROOT / "experiments" / f"{name}.yaml")
    assert recorded_plan(study, ROOT / "results" / name) is not None


@pytest.mark.parametrize(
    "source",
    [
        f"{PLAIN}, delimiter: ;",
        f"{PLAIN}, leave_out: {{label: [x]}}",
        "format: csv, file: t.csv, split: {column: fold}",
    ],
)
def test_what_is_written_is_part_of_it(tmp_path: Path, source: str) -> None:
    assert inputs(tmp_path, source) != inputs(tmp_path, PLAIN)


def test_a_root_of_its_own_is_a_place(tmp_path: Path) -> None:
    """The same files, wherever they are, are the same input."""
    plain = inputs(tmp_path / "one", PLAIN)
    assert inputs(tmp_path / "two", f"{PLAIN}, data: ../elsewhere") == plain
    assert inputs(tmp_path / "three", f"{PLAIN}, data: {tmp_path}/far/away") == plain
