"""Seeds for undecided edges alone: a planted edge is decided early, the other goes on."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

from tests.test_cli import call
from transfer_study.errors import StudyError
from transfer_study.execute.in_process import InProcess
from transfer_study.execute.progress import Silent
from transfer_study.outcome import Outcome
from transfer_study.session.forecast import forecast_looks, power
from transfer_study.session.places import Places
from transfer_study.session.plans import known_plan, make_plan
from transfer_study.session.report import write_report
from transfer_study.session.run import Session, told_to
from transfer_study.session.until_decided import Look, fix_looks, run_until_decided
from transfer_study.store.looked import LOOKS_FILE
from transfer_study.store.store import Store
from transfer_study.study.file.study_file import read_study
from transfer_study.study.looks import Looks
from transfer_study.study.plan import Plan
from transfer_study.terminal.looks import look_line

# A task that learns its words faster with another, which has nothing to win from it.
STUDY = """\
name: planted
encoder: {name: tiny, tiny: {hidden_size: 64, layers: 1, heads: 2}}
tasks:
  - name: entities
    kind: tagging
    labels: [herb, beast]
    source: {format: synthetic, task: entities, train: 250, dev: 20, test: 100}
  - name: relation
    kind: classification
    labels: [herb, beast]
    source: {format: synthetic, task: relation, train: 400, dev: 20, test: 300}
arms: [single, pairs]
seeds: 5
margin: 0.03
refine: {epochs: 8, batch_size: 8, learning_rate: 0.002, precision: float32}
"""
FIRST, MOST = 5, 6


def places_in(folder: Path) -> Places:
    return Places(folder / "stages", folder / "results", folder / "plots")


def first_plan(folder: Path, study: str = STUDY) -> Plan:
    (folder / "planted.yaml").write_text(study, encoding="utf-8")
    return make_plan(read_study(folder / "planted.yaml"))


def until_decided(folder: Path, stop_after: int | None = None, study: str = STUDY) -> list[Look]:
    """Run all looks and write the report; with `stop_after`, die after so many stages."""
    first, places = first_plan(folder, study), places_in(folder)
    told: list[Look] = []
    looks = fix_looks(first, places, MOST, 2)
    left = [stop_after]

    class Dying(Silent):
        def finished(self, stage: object) -> None:
            if left[0] is not None:
                left[0] -= 1
                if not left[0]:
                    raise KeyboardInterrupt

    session = Session(places, InProcess(), told_to(Dying()))
    plan, _ = run_until_decided(first, looks, session, told.append)
    write_report(plan, places)
    return told


def test_an_edge_that_seeds_would_hardly_decide_gets_none(
    decided: tuple[Path, list[Look]], tmp_path: Path
) -> None:
    folder, _ = decided
    shutil.copytree(folder / "stages", tmp_path / "stages")
    # Nothing is equivalent by a margin of nothing.
    (look,) = until_decided(tmp_path, study=STUDY.replace("margin: 0.03", "margin: 0.0"))
    assert look.verdicts == {"gain": 1, "undecided": 1}
    assert (look.stopped, look.next_seeds) == (1, None)
    assert "1 of the undecided without more seeds" in look_line(
        look, Looks.fixed(range(FIRST), MOST)
    )


def report(study: Path, folder: Path) -> Outcome:
    """What the verb `report` does."""
    return write_report(known_plan(read_study(study), places_in(folder)), places_in(folder))


def seeds_run(folder: Path) -> dict[str, set[int]]:
    """The seeds with which each combination of tasks was refined."""
    seeds: dict[str, set[int]] = {}
    for record in (folder / "stages" / "stages").glob("*/stage.json"):
        _, tasks, seed = json.loads(record.read_text())["family"].split("-")
        seeds.setdefault(tasks, set()).add(int(seed[1:]))
    return seeds


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Look]]:
    """The folder of a run that nothing disturbed, and what was told of its looks."""
    folder = tmp_path_factory.mktemp("decided")
    return folder, until_decided(folder)


def test_the_planted_edge_is_decided_at_once_and_the_other_gets_seeds(
    decided: tuple[Path, list[Look]],
) -> None:
    folder, told = decided
    edges = pd.read_parquet(folder / "results" / "planted" / "deltas.parquet")
    edges = edges.set_index("source")
    assert (edges.loc["entities", ["verdict", "n_seeds", "look"]] == ["gain", FIRST, 1]).all()
    assert edges.loc["relation", "n_seeds"] == MOST
    assert edges.loc["relation", "verdict"] != "not_run"
    # The pair and the target's own stage were added; the decided target's own was not.
    added = set(range(FIRST))
    assert seeds_run(folder) == {
        "entities+relation": added | {FIRST},
        "entities": added | {FIRST},
        "relation": added,
    }
    first, last = told
    assert (first.number, first.n_seeds, first.next_seeds) == (1, FIRST, MOST)
    assert first.verdicts == {"gain": 1, "undecided": 1}
    assert 0 < first.seconds < last.seconds
    assert first.next_seconds is not None and first.next_seconds > 0
    assert (last.number, last.next_seeds) == (2, None)


def test_a_killed_run_comes_to_the_same_stages_and_verdicts(
    decided: tuple[Path, list[Look]], tmp_path: Path
) -> None:
    folder, told = decided
    for stage in (folder / "stages" / "stages").iterdir():
        if f"-s{FIRST}-" not in stage.name:
            shutil.copytree(stage, tmp_path / "stages" / "stages" / stage.name)
    with pytest.raises(KeyboardInterrupt):
        until_decided(tmp_path, stop_after=1)
    assert sum(map(len, seeds_run(tmp_path).values())) == 3 * FIRST + 1
    # The look that is not complete does not count: the report stands as after the first.
    assert set(report(tmp_path / "planted.yaml", tmp_path).deltas["n_seeds"]) == {FIRST}
    again = until_decided(tmp_path)
    assert [look.verdicts for look in again] == [look.verdicts for look in told]
    assert seeds_run(tmp_path) == seeds_run(folder)
    for name in ("deltas.csv", LOOKS_FILE, "stages.json"):
        there, here = (f / "results" / "planted" / name for f in (folder, tmp_path))
        assert there.read_bytes() == here.read_bytes()


def test_the_report_is_derived_again_from_the_results_alone(
    decided: tuple[Path, list[Look]], tmp_path: Path
) -> None:
    folder, _ = decided
    shutil.copytree(folder / "results", tmp_path / "results")
    table = tmp_path / "results" / "planted" / "deltas.csv"
    before = table.read_bytes()
    table.unlink()
    report(folder / "planted.yaml", tmp_path)
    assert table.read_bytes() == before


def test_the_price_of_a_decided_edge_is_told_and_kept(
    decided: tuple[Path, list[Look]], tmp_path: Path
) -> None:
    folder, _ = decided
    shutil.copytree(folder / "results", tmp_path / "results")
    here, elsewhere = (report(folder / "planted.yaml", place) for place in (folder, tmp_path))
    # Without the store the price is that of an earlier report.
    for outcome in (here, elsewhere):
        price = (
            r"2 edges: . decided \(1 gain(, 1 equivalent)?\), [0-9.]+ core-(minutes|hours) each.*"
        )
        assert re.fullmatch(price, outcome.price)
        assert f"2 of {outcome.price}." in Path(outcome.report).read_text("utf-8")
    assert here.price == elsewhere.price


def test_power_is_known_from_what_was_run(decided: tuple[Path, list[Look]], tmp_path: Path) -> None:
    folder, _ = decided
    plan = make_plan(read_study(folder / "planted.yaml", ["seeds=20"]))
    table = power(plan, Store(folder / "stages"))
    assert table is not None
    assert list(table["n_seeds"]) == [20, 20]
    assert set(table["evidence"]) == {"own"}
    assert (table["detectable"] > 0).all()
    assert (table["detectable"] < table["detectable_corrected"]).all()
    assert power(plan, Store(tmp_path / "stages")) is None


def test_looks_are_not_changed_once_they_began(decided: tuple[Path, list[Look]]) -> None:
    folder, _ = decided
    with pytest.raises(StudyError, match=r"has them at 5, 6 seeds; found 5, \d, 9"):
        fix_looks(first_plan(folder), places_in(folder), 9, None)


def test_what_cannot_be_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "planted.yaml").write_text(STUDY, encoding="utf-8")
    for words, said in (
        (("--until-decided", "--max-seeds", "2"), "found 2, but the study has 5 seeds already"),
        (("--until-decided", "--max-seeds", "9", "--looks", "0"), "--looks: found 0"),
        (("--until-decided",), "--until-decided and --max-seeds go together"),
    ):
        done = call(tmp_path, "run", "planted.yaml", "-q", *words)
        assert done.returncode == 2
        assert said in " ".join(done.stderr.replace("│", " ").split())
        assert not (tmp_path / "results").exists()


def test_a_plan_by_looks_says_what_the_command_will_take_and_show(
    decided: tuple[Path, list[Look]], tmp_path: Path
) -> None:
    folder, _ = decided
    words = "--until-decided", "--max-seeds", str(MOST), "--looks", "2"
    answered = call(folder, "plan", "planted.yaml", *words, "--json")
    assert answered.stdout, answered.stderr
    done = json.loads(answered.stdout)
    assert done["looks"] | {"expected": None} == {
        "seeds": [FIRST, MOST],
        "coming": [0, 0],
        "most": [0, 0],
        "expected": None,
    }
    for stage in (folder / "stages" / "stages").iterdir():
        if f"-s{FIRST}-" not in stage.name:
            shutil.copytree(stage, tmp_path / "stages" / "stages" / stage.name)
    first, looks = first_plan(tmp_path), Looks.fixed(range(FIRST), MOST, 2)
    found = forecast_looks(first, looks, places_in(tmp_path))
    # Two tasks alone and their pair, at the second look, if an edge goes on.
    assert (found.coming, found.most[0]) == ((0, 0), 3)
    assert found.most[1] is not None and found.most[1] > 0
    assert found.expected is not None and 0 < found.expected[0] < 3
    table = power(first, Store(tmp_path / "stages"), looks=looks)
    assert table is not None
    assert (table["max_seeds"] == MOST).all()
    assert (table["detectable"] < table["detectable_first"]).all()
    store = "--store", str(tmp_path / "stages")
    said = " ".join(call(tmp_path, "plan", "planted.yaml", *words, *store).stdout.split())
    assert "2 looks, at 5, 6 seeds" in said
    assert "0 stages, 0 s at the look to come, at most 3 stages" in said
    assert "in 80 of 100 such studies at 5% over all looks" in said
