"""Reading study files: values stay text, settings apply, paths resolve, faults are all told."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from transfer_study.errors import InvalidStudy
from transfer_study.study.encoder import Encoder
from transfer_study.study.file.study_file import read_study
from transfer_study.study.recipes.recipe import Mixing
from transfer_study.study.study import Study
from transfer_study.study.tasks.source import FileSource
from transfer_study.study.tasks.task import MetricName

BASIC = """\
name: basic
encoder: tiny
tasks:
  - chemprot
  - name: mine
    kind: tagging
    domain: biomedical
    labels: [true, yes, NA, 1.0, null, 0x1, ~]
    source:
      format: conll
      folder: mine
      columns: {text: 0, label: 3}
"""

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes a study file; the environment says nothing of data."""
    monkeypatch.delenv("TRANSFER_STUDY_DATA", raising=False)

    def write(text: str) -> Path:
        path = tmp_path / "study.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def source(study: Study, n: int) -> FileSource:
    found = study.tasks[n].source
    assert isinstance(found, FileSource)
    return found


def faults(path: Path, *settings: str) -> list[str]:
    with pytest.raises(InvalidStudy) as caught:
        read_study(path, settings)
    return [str(problem).replace(f"{path}, ", "") for problem in caught.value.problems]


# --- values


def test_scalars_stay_the_text_that_was_written(write: Write) -> None:
    task = read_study(write(BASIC)).tasks[1]
    assert task.labels == ("0x1", "1.0", "NA", "null", "true", "yes", "~")


def test_columns_of_conll_files_are_numbers_or_names(write: Write) -> None:
    columns = source(read_study(write(BASIC)), 1).columns
    assert (columns.text, columns.label) == ("0", "3")


def test_defaults(write: Write) -> None:
    study = read_study(write(BASIC))
    assert study.seeds == (0, 1, 2)
    assert [*map(str, study.arms)] == ["single", "full", "pairs"]
    assert study.readings == ("refine",)
    assert (study.refine.learning_rate, study.finetune.learning_rate) == (5e-5, 2e-5)
    assert study.margin.of(0.5) == 0.01
    assert study.tasks[1].metric is MetricName.ENTITY_F1


def test_numbers_and_short_forms(write: Write) -> None:
    study = read_study(
        write(
            BASIC
            + "seeds: 2\nmargin: {relative: 5e-2}\nrefine: {learning_rate: 1e-4, mixing: sqrt}\n"
        )
    )
    assert study.seeds == (0, 1)
    assert study.margin.of(0.5) == 0.025
    assert (study.refine.learning_rate, study.refine.mixing) == (1e-4, Mixing.SQRT)
    assert study.encoders == (Encoder.model_validate("tiny"),)


def test_a_built_in_task_with_changes_keeps_the_rest(write: Write) -> None:
    text = (
        "name: x\nencoder: tiny\narms: [single]\n"
        "tasks: [{name: chemprot, metric: macro_f1, source: {folder: elsewhere}}]\n"
    )
    (task,) = read_study(write(text)).tasks
    assert (task.metric, task.negative) == (MetricName.MACRO_F1, "false")
    assert isinstance(task.source, FileSource)
    assert task.source.folder is not None
    assert task.source.folder.name == "elsewhere"
    assert task.source.document_pattern is not None


def test_limits_are_shared_and_a_task_may_have_its_own(write: Write) -> None:
    study = read_study(
        write(
            "name: x\nencoder: tiny\nlimits: {max_train: 10, max_dev: 5}\n"
            "tasks: [chemprot, {name: ddi2013-type, limits: {max_train: 20}}]\n"
        )
    )
    assert [(t.limits.max_train, t.limits.max_dev) for t in study.tasks] == [(10, 5), (20, 5)]


def test_anchors_and_merge_keys(write: Write) -> None:
    study = read_study(
        write(
            "name: x\nencoder: tiny\ntasks: [chemprot, ddi2013-type]\n"
            "refine: &recipe {epochs: 3, batch_size: 8}\n"
            "finetune: {<<: *recipe, epochs: 4, tasks: {chemprot: *recipe}}\n"
        )
    )
    assert (study.finetune.epochs, study.finetune.batch_size) == (4, 8)
    assert study.finetune_recipe("chemprot").epochs == 3


def test_the_resolved_study_reads_back_as_the_same(write: Write) -> None:
    study = read_study(
        write(
            BASIC
            + "readings: [refine, finetune]\nrefine: {mixing: temperature, temperature: 3}\n"
            + "finetune: {epochs: 3, tasks: {mine: {epochs: 4}}}\nlimits: {max_train: 7}\n"
        )
    )
    values = study.model_dump(mode="json", by_alias=True, exclude_none=True)
    again = read_study(write(yaml.safe_dump(values)))
    assert again == study
    assert again.finetune_recipe("mine") == study.finetune_recipe("mine")


# --- settings


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("refine.epochs=7", lambda s: s.refine.epochs == 7),
        ("seeds=[4, 5]", lambda s: s.seeds == (4, 5)),
        ("seeds=1", lambda s: s.seeds == (0,)),
        ("name=other", lambda s: s.name == "other"),
        ("tasks=[biosses, hoc]", lambda s: [t.name for t in s.tasks] == ["biosses", "hoc"]),
        ("tasks.chemprot.metric=macro_f1", lambda s: s.tasks[0].metric == "macro_f1"),
        ("tasks.0.limits.max_train=9", lambda s: s.tasks[0].limits.max_train == 9),
        ("tasks.mine.labels=[true, no]", lambda s: s.tasks[1].labels == ("no", "true")),
        ("encoder.tiny.layers=1", lambda s: s.encoders[0].tiny.layers == 1),
        ("finetune.tasks.mine.epochs=2", lambda s: s.finetune_recipe("mine").epochs == 2),
        ("margin={relative: 0.1}", lambda s: s.margin.relative == 0.1),
    ],
)
def test_settings(write: Write, setting: str, expected: Callable[[Study], bool]) -> None:
    assert expected(read_study(write(BASIC), [setting]))


def test_a_later_setting_wins(write: Write) -> None:
    study = read_study(write(BASIC), ["refine={epochs: 3, batch_size: 4}", "refine.epochs=5"])
    assert (study.refine.epochs, study.refine.batch_size) == (5, 4)


# --- paths


def test_data_lie_beside_the_study_file(write: Write, tmp_path: Path) -> None:
    study = read_study(write(BASIC))
    assert source(study, 1).folder == tmp_path / "mine"
    assert study.data == tmp_path


def test_the_study_names_its_data_root_relative_to_itself(write: Write, tmp_path: Path) -> None:
    study = read_study(write(BASIC + "data: corpora\n"))
    assert source(study, 1).folder == tmp_path / "corpora" / "mine"


def test_the_environment_goes_before_the_study_and_the_caller_before_both(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(BASIC + "data: corpora\n")
    monkeypatch.setenv("TRANSFER_STUDY_DATA", "/lab")
    assert source(read_study(path), 1).folder == Path("/lab/mine")
    assert source(read_study(path, data=Path("/asked")), 1).folder == Path("/asked/mine")


def test_the_working_directory_means_nothing_to_a_study(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = read_study(write(BASIC))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert read_study(Path("../study.yaml")) == before


def test_a_local_encoder_and_its_texts_resolve_against_the_study_file(
    write: Write, tmp_path: Path
) -> None:
    (tmp_path / "models" / "mine").mkdir(parents=True)
    text = BASIC.replace(
        "encoder: tiny",
        "encoder: [models/mine, owner/model, {name: t, source: tiny, tiny: {texts: [words.txt]}}]",
    )
    local, hub, tiny = read_study(write(text)).encoders
    assert local == Encoder(name="models/mine", source=str(tmp_path / "models" / "mine"))
    assert hub.source == "owner/model"
    assert tiny.tiny is not None
    assert tiny.tiny.texts == (tmp_path / "words.txt",)


def test_a_saved_data_set_resolves_against_the_data_root(write: Write, tmp_path: Path) -> None:
    (tmp_path / "saved").mkdir()
    text = (
        "name: x\nencoder: tiny\narms: [single]\ntasks:\n"
        "  - {name: a, kind: regression, source: {format: datasets, name: saved}}\n"
        "  - {name: b, kind: regression, source: {format: datasets, name: owner/set}}\n"
    )
    names = [t.source.name for t in read_study(write(text)).tasks]
    assert names == [str(tmp_path / "saved"), "owner/set"]


# --- faults


def test_all_faults_are_told_at_once_in_the_order_of_the_file(write: Write) -> None:
    text = (
        "name: a/b\n"
        "encoder: tiny\n"
        "tasks:\n"
        "  - chemprt\n"
        "  - chemprot\n"
        "  - chemprot\n"
        "arms: [single, pair]\n"
        "seeds: [0, 0]\n"
        "refine:\n"
        "  epochs: 0\n"
        "  temperature: 2\n"
        "finetune:\n"
        "  tasks:\n"
        "    ddi: {epochs: 1}\n"
        "typo: 1\n"
    )
    told = faults(write(text))
    assert [fault.split(":")[0] for fault in told] == [
        "line 1, `name`",
        "line 4, `tasks.chemprt`",
        "line 6, `tasks.chemprot`",
        "line 7, `arms[1]`",
        "line 8, `seeds[1]`",
        "line 10, `refine.epochs`",
        "line 11, `refine.temperature`",
        "line 14, `finetune.tasks.ddi`",
        "line 15, `typo`",
    ]


def test_an_unknown_task_is_one_sentence(write: Write) -> None:
    (told,) = faults(write("name: x\nencoder: tiny\ntasks: [chemprt, ddi2013-type]\n"))
    assert told.startswith(
        "line 3, `tasks.chemprt`: found 'chemprt', which is no built-in task; did you mean "
        "'chemprot'? Allowed: clinicalsts, biosses,"
    )
    assert told.endswith("; or give the task inline with `kind`, `labels` and `source`")


def test_a_wrong_kind_is_one_sentence(write: Write) -> None:
    (told,) = faults(write(BASIC.replace("kind: tagging", "kind: taging")))
    assert told == (
        "line 6, `tasks.mine.kind`: found 'taging'; did you mean 'tagging'? Allowed: "
        "classification, multilabel, regression, tagging"
    )


def test_a_margin_is_not_repeated(write: Write) -> None:
    (told,) = faults(write(BASIC + "margin: lots\n"))
    assert told.count("lots") == 1


def test_an_item_of_a_list_has_its_own_line(write: Write) -> None:
    (told,) = faults(write(BASIC + "seeds:\n  - 0\n  - one\n"))
    assert told == "line 15, `seeds[1]`: found 'one'; give a whole number such as 3"


def test_changes_by_task_are_refused_in_a_joint_stage_and_it_says_why(write: Write) -> None:
    (told,) = faults(write(BASIC + "refine: {tasks: {chemprot: {epochs: 3}}}\n"))
    assert "a joint stage has one recipe for all its tasks" in told


def test_a_fault_of_a_setting_names_the_setting(write: Write) -> None:
    path = write(BASIC + "refine:\n  epochs: 3\n")
    assert faults(path, "refine.epochs=0") == [
        "--set refine.epochs=0: found 0; give a number greater than 0"
    ]
    (told,) = faults(path, "refine.epoch=4")
    assert "did you mean 'epochs'?" in told
    # What the setting replaced is not blamed on its old line.
    (told,) = faults(path, "refine={epochs: none}")
    assert told.startswith("--set refine={epochs: none}, `refine.epochs`: found 'none'")


def test_a_study_made_in_python_is_held_to_the_same(
    make_study: Callable[..., Study],
) -> None:
    with pytest.raises(ValidationError) as caught:
        make_study("a", "a", seeds=[1, 1], refine={"temperature": 2})
    assert {error["loc"] for error in caught.value.errors()} == {
        ("tasks", 1),
        ("seeds", 1),
        ("refine", "temperature"),
    }


def places(value: object, key: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict | list):
        inner = value.items() if isinstance(value, dict) else enumerate(value)
        for step, item in inner:
            yield (*key, step)
            yield from places(item, (*key, step))


WRONG = ["", "x", "-1", "1.5", [], ["a", "a"], {}, {"a": "b"}, [{"name": "chemprot"}], [[]], "0"]


def test_no_garbled_study_ends_in_anything_but_sentences(write: Write) -> None:
    """Every value in turn is replaced by, or its key swapped for, something senseless."""
    text = (
        BASIC
        + "arms: [single, pairs]\nreadings: [refine]\nseeds: [0]\nmargin: {absolute: 0.1}\n"
        + "limits: {max_train: 3}\nrefine: {epochs: 3, mixing: sqrt, precision: auto}\n"
        + "finetune: {tasks: {mine: {epochs: 3}}}\npairs: within_domain\ndata: here\n"
    ).replace("encoder: tiny", "encoder: {name: t, source: tiny, tiny: {texts: [a], layers: 2}}")
    pick = random.Random(0)
    for place in list(places(yaml.load(text, yaml.BaseLoader))):
        for wrong in pick.sample(WRONG, 4):
            study = yaml.load(text, yaml.BaseLoader)
            holder = study
            for step in place[:-1]:
                holder = holder[step]
            if isinstance(holder, dict) and pick.random() < 0.3:
                holder[f"{place[-1]}x"] = holder.pop(place[-1])
            else:
                holder[place[-1]] = wrong
            path = write(yaml.safe_dump(study))
            try:
                read_study(path)
            except InvalidStudy as error:
                assert error.problems
                for problem in error.problems:
                    assert "\n" not in str(problem)
                    assert "Input should" not in str(problem), (place, wrong)
