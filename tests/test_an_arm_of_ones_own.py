"""An arm is one value: one made here is planned, run, told, drawn, advised and compared."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from tests.test_compare_studies import STUDY, call
from transfer_study.analysis.advice.evidence import effects
from transfer_study.analysis.advice.sentences import how
from transfer_study.errors import InvalidStudy
from transfer_study.study.arms import Arm
from transfer_study.study.builder import Reader
from transfer_study.study.file.study_file import read_study
from transfer_study.study.margin import Margin
from transfer_study.study.pairs import pairs_of
from transfer_study.study.reading import Reading
from transfer_study.study.system import System


def _systems(read: Reader) -> Iterator[System]:
    for pair in pairs_of(read.build.study):
        for source, target in (pair[::-1], pair):
            stage = read.build.lengthened(target, source)
            yield read.system("longer", (source,), target, stage, read.alone(target))


LONGER = Arm(
    word="longer",
    label="longer",
    systems=_systems,
    readings=(Reading.REFINE,),
    of_pairs=True,
    drawn="edges",
    title="learned for longer",
    compared={Reading.REFINE: "B alone for as many updates as with A, against B alone"},
    note="No task is learned with another. ",
    how="for as long as with {}",
)


@pytest.fixture(scope="module", autouse=True)
def arm() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Arm, "known", dict(Arm.known))
        Arm.add(LONGER)
        yield


@pytest.fixture(scope="module")
def folder(arm: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own")
    study = STUDY.replace("[single, pairs]", "[single, pairs, longer]")
    (folder / "before.yaml").write_text(study, encoding="utf-8")
    (folder / "after.yaml").write_text(study.replace("before", "after"), encoding="utf-8")
    for name in ("before", "after"):
        code, said = call(folder, "run", f"{name}.yaml", "--executor", "in-process")
        assert code == 0, said
        assert "learned for longer" in said
    return folder


def test_its_effects_are_in_tables_figures_and_report(folder: Path) -> None:
    deltas = pd.read_csv(folder / "results/before/deltas.csv", keep_default_na=False)
    ours = deltas[deltas["arm"] == "longer"]
    assert {*zip(ours["source"], ours["target"], strict=True)} == {
        ("entities", "relation"),
        ("relation", "entities"),
    }
    assert (folder / "plots/before/transfer_graph-longer.svg").is_file()
    report = (folder / "results/before/report.md").read_text("utf-8")
    assert "B alone for as many updates as with A, against B alone" in report
    figure = (folder / "plots/before/transfer_graph-longer.svg").read_text("utf-8")
    assert "No task is learned with another." in " ".join(figure.split())


def test_one_arm_alone_is_shown(folder: Path) -> None:
    code, said = call(folder, "report", "before.yaml", "--arm", "longer", "--json")
    assert code == 0, said
    assert {edge["arm"] for edge in json.loads(said)["edges"]} == {"longer"}


def test_advice_weighs_it(folder: Path) -> None:
    deltas = pd.read_csv(folder / "results/before/deltas.csv").assign(over="")
    (effect,) = (e for e in effects(deltas, Margin(absolute=0.01))["relation"] if e.arm == "longer")
    assert how(effect) == "for as long as with entities"


def test_the_difference_graph_has_it(folder: Path) -> None:
    code, said = call(folder, "compare", "before.yaml", "after.yaml")
    assert code == 0, said
    assert [*folder.glob("plots/*/transfer_graph-*longer*.svg")], said


def test_a_study_is_held_to_what_it_needs(folder: Path) -> None:
    asked = STUDY.replace("[single, pairs]", "[longer]").replace("before", "alone")
    (folder / "alone.yaml").write_text(f"{asked}readings: [finetune]\n", encoding="utf-8")
    with pytest.raises(InvalidStudy) as caught:
        read_study(folder / "alone.yaml")
    told = " ".join(map(str, caught.value.problems))
    assert "'longer' is compared with 'single': add it" in told
    assert "found 'longer', which has no part in the reading 'finetune'; add 'refine'" in told
    study = read_study(folder / "before.yaml")
    assert [*map(str, study.arms)] == ["single", "pairs", "longer"]
