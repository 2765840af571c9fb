"""What is written into a study file is the recipe and nothing else, down to spaces and comments."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer_study.errors import InvalidStudy
from transfer_study.study.file.study_file import read_study
from transfer_study.study.file.write_recipe import recipe_written, value_text, write_study
from transfer_study.study.recipes.recipe import Recipe

HEAD = """\
# A study of mine.
name: mine   # its name
encoder: tiny
tasks:
  - name: t
    kind: regression
    source: {format: synthetic, task: conflict, train: 6, dev: 6, test: 6}
arms: [single]
"""
VALUES: dict[str, Any] = {"epochs": 8, "learning_rate": 2e-4, "pooling": "mean"}


def written(folder: Path, tail: str, values: dict[str, Any] = VALUES, head: str = HEAD) -> str:
    path = folder / "study.yaml"
    path.write_bytes((head + tail).encode())
    before, after = recipe_written(path, "refine", values)
    assert before == head + tail
    write_study(path, before, after)
    assert path.read_bytes() == after.encode()
    study = read_study(path)
    for key, value in values.items():
        assert getattr(study.refine, key) == value
    assert after.startswith(head)
    return after.removeprefix(head)


@pytest.mark.parametrize(
    ("tail", "expected"),
    [
        (
            "refine:\n  # why\n  epochs:   3 # three\n  # no more\n\nseeds: 2 # two\n",
            "refine:\n  # why\n  epochs:   8 # three\n  learning_rate: 2.0e-4\n  pooling: mean\n"
            "  # no more\n\nseeds: 2 # two\n",
        ),
        (
            "refine: {epochs: 3,  batch_size: 4} # x\nseeds: 2",
            "refine: {epochs: 8,  batch_size: 4, learning_rate: 2.0e-4, pooling: mean} # x\n"
            "seeds: 2",
        ),
        ("refine: {}\n", "refine: {epochs: 8, learning_rate: 2.0e-4, pooling: mean}\n"),
        (
            "refine: {\n  epochs: 3,\n}\n",
            "refine: {\n  epochs: 8, learning_rate: 2.0e-4, pooling: mean\n}\n",
        ),
        (
            "seeds: 2",
            "seeds: 2\nrefine:\n  epochs: 8\n  learning_rate: 2.0e-4\n  pooling: mean\n",
        ),
        (
            "refine:\r\n    epochs: '3'\r\nseeds: 2\r\n",
            "refine:\r\n    epochs: 8\r\n    learning_rate: 2.0e-4\r\n    pooling: mean\r\n"
            "seeds: 2\r\n",
        ),
        (
            "refine: &r\n  <<: {batch_size: 2}\n  epochs: 3",
            "refine: &r\n  <<: {batch_size: 2}\n  epochs: 8\n  learning_rate: 2.0e-4\n"
            "  pooling: mean\n",
        ),
    ],
)
def test_values_stand_where_the_old_ones_stood_and_new_ones_below(
    tmp_path: Path, tail: str, expected: str
) -> None:
    assert written(tmp_path, tail) == expected


def test_a_study_in_braces_and_one_with_a_mark_of_order_are_written_too(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    source = "{format: synthetic, task: conflict, train: 6, dev: 6, test: 6}"
    task = f"{{name: t, kind: regression, source: {source}}}"
    text = f"\ufeff{{name: mine, encoder: tiny, tasks: [{task}], arms: [single], seeds: 1}}\n"
    path.write_text(text, encoding="utf-8")
    before, after = recipe_written(path, "refine", {"epochs": 8})
    assert after == text.replace("seeds: 1}", "seeds: 1, refine: {epochs: 8}}")
    write_study(path, before, after)
    assert read_study(path).refine.epochs == 8


def test_the_recipe_of_fine_tuning_keeps_those_of_its_tasks(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    own = "finetune:\n  epochs: 3\n  tasks:\n    t:\n      epochs: 5 # of t\nreadings: [finetune]\n"
    path.write_text(HEAD + own, encoding="utf-8")
    _, after = recipe_written(path, "finetune", {"batch_size": 4})
    assert after == HEAD + own.replace("# of t\n", "# of t\n  batch_size: 4\n")


@pytest.mark.parametrize(
    "tail",
    [
        "heads: &h {epochs: 3}\nrefine: *h\n",  # it is another's
        "refine: &h {epochs: 3}\nheads: *h\n",  # another is its
        "seeds: &s 3\nrefine: {epochs: *s}\n",
    ],
)
def test_what_would_change_more_than_the_recipe_is_refused(tmp_path: Path, tail: str) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(HEAD + tail, encoding="utf-8")
    with pytest.raises(InvalidStudy, match=r"by hand to \{epochs: 8, learning_rate: 2\.0e-4"):
        recipe_written(path, "refine", VALUES)


def test_a_file_that_was_changed_meanwhile_stays(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(HEAD, encoding="utf-8")
    before, after = recipe_written(path, "refine", VALUES)
    path.write_text(HEAD + "seeds: 5\n", encoding="utf-8")
    with pytest.raises(InvalidStudy, match="was changed while recipes were tried"):
        write_study(path, before, after)
    assert path.read_text(encoding="utf-8") == HEAD + "seeds: 5\n"


def test_a_link_stays_a_link_and_its_file_keeps_its_mode(tmp_path: Path) -> None:
    place, link = tmp_path / "kept.yaml", tmp_path / "study.yaml"
    place.write_text(HEAD, encoding="utf-8")
    place.chmod(0o640)
    link.symlink_to(place)
    write_study(link, *recipe_written(link, "refine", VALUES))
    assert link.is_symlink()
    assert read_study(place).refine.epochs == 8
    assert stat.S_IMODE(place.stat().st_mode) == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept.yaml", "study.yaml"]


@given(st.floats(min_value=0, max_value=1e9, exclude_min=True))
def test_a_number_reads_back_as_the_same_one(value: float) -> None:
    assert Recipe.model_validate({"learning_rate": value_text(value)}).learning_rate == value


@pytest.mark.parametrize(
    ("value", "text"),
    [(2e-4, "2.0e-4"), (1.5e-5, "1.5e-5"), (0.1, "0.1"), (8, "8"), (False, "false"), ("a", "a")],
)
def test_values_are_written_as_studies_have_them(value: object, text: str) -> None:
    assert value_text(value) == text
