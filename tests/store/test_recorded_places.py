"""What a study says of its data is remembered without the places where they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from transfer_study.store.recorded import _inputs
from transfer_study.study.file.study_file import read_study

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


def test_what_was_recorded_before_there_were_these_keys_still_counts(tmp_path: Path) -> None:
    """The hash of this task as it was before any rarer key could be written."""
    known = "a6e9b61cdacc84bb"
    assert inputs(tmp_path, PLAIN)["task t"].startswith(known)


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
