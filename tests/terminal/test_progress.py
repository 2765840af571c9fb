"""Lines of progress are never wider than where they are shown, and lose nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from tests.analysis.made_up import planned
from tests.conftest import SMALL
from transfer_study.session.plans import make_plan
from transfer_study.store.store import Store
from transfer_study.study.file.study_file import read_study
from transfer_study.study.plan import Plan
from transfer_study.terminal.lines import folded, shortened
from transfer_study.terminal.progress import Lines

NAMES = st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=120)


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    path = tmp_path_factory.mktemp("study") / "small.yaml"
    path.write_text(SMALL, encoding="utf-8")
    return make_plan(read_study(path))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@given(st.lists(NAMES, min_size=1, max_size=12), st.integers(40, 200))
def test_a_folded_line_fits_and_says_all(words: list[str], width: int) -> None:
    lines = folded("  ".join(words), width)
    assert all(cell_len(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(words)


@given(NAMES, st.integers(20, 60))
def test_a_shortened_name_fits_and_keeps_both_ends(name: str, width: int) -> None:
    short = shortened(name, width)
    assert cell_len(short) <= width
    assert short == name or (short[0] == name[0] and short.endswith(name[-6:]) and "…" in short)


def test_lines_outside_of_a_terminal_fit_eighty_columns(
    plan: Plan, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = Lines(plan, store, lambda stage: 1.0, verbose=True)
    for stage in plan:
        scores = {f"a-task-with-a-name-of-its-own-{n}": 0.5 for n in range(10)}
        lines.started(stage)
        lines.epoch(stage, {"epoch": 1, "loss": scores, "dev": scores})
        lines.finished(stage)
    told = capsys.readouterr().err.splitlines()
    assert max(map(len, told)) <= 80
    assert sum("done" in line for line in told) == len(plan)
    assert sum(line.count("a-task-with") for line in told) == len(plan) * 30


@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 24), (60, 6)])
def test_the_view_fits_its_terminal(plan: Plan, store: Store, width: int, height: int) -> None:
    console = Console(width=width, height=height, force_terminal=True)
    lines = Lines(plan, store, lambda stage: 1.0, verbose=False, console=console)
    for stage in plan:
        lines.started(stage)
        scores = dict.fromkeys((*stage.task_names, "of-a-longer-name" * 4), 0.5)
        lines.epoch(stage, {"epoch": 1, "loss": scores, "dev": scores})
    drawn = console.render_lines(lines.view(), pad=False)
    texts = ["".join(segment.text for segment in line).rstrip() for line in drawn]
    assert len(texts) <= height
    assert max(map(cell_len, texts)) < min(width, 80) + (width < 80)
    assert texts[-1].startswith("0 done · 14 running · 0 waiting")
    assert all("/2" in text or "/1" in text for text in texts[1:-1])  # a line a stage


def test_a_stage_that_begins_again_is_told_in_one_line(
    plan: Plan, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    lines, stage = Lines(plan, store, lambda stage: 1.0, verbose=False), plan.stages[0]
    lines.started(stage)
    assert capsys.readouterr().err == ""
    lines.returned(stage, "its machine was lost")
    (told,) = capsys.readouterr().err.splitlines()
    assert stage.family in told and told.endswith("its machine was lost")
    lines.started(stage)
    assert capsys.readouterr().err == ""


def test_the_view_tells_stages_apart_where_it_has_no_room_for_their_names(store: Store) -> None:
    variants = {"plain": {}, "slow": {"learning_rate": 1e-6}}
    names = ["a-task-of-a-long-name", "another-of-a-long-name"]
    limits = {"max_train": [100, 300]}
    plan = planned(names, seeds=2, arms=["single", "full"], limits=limits, variants=variants)
    console = Console(width=80, height=60, force_terminal=True)
    lines = Lines(plan, store, lambda stage: 1.0, verbose=False, console=console)
    for stage in plan:
        lines.started(stage)
    drawn = console.render_lines(lines.view(), pad=False)
    texts = ["".join(segment.text for segment in line) for line in drawn[1:-1]]
    ends = {text.partition(")")[0].partition("…")[2].partition("-s")[2] for text in texts}
    assert ends == {
        f"{seed} ({variant}, {size} examples"
        for seed in (0, 1)
        for variant in variants
        for size in (100, 300)
    }


def test_lines_tell_variant_and_size(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    variants = {"plain": {}, "slow": {"learning_rate": 1e-6}}
    plan = planned(["a", "b"], seeds=1, limits={"max_train": [100, 300]}, variants=variants)
    lines = Lines(plan, store, lambda stage: 1.0, verbose=False)
    for stage in plan:
        lines.started(stage)
        lines.failed(stage, "no memory", None)
    told = capsys.readouterr().err
    assert "FAILED  refine-a+b-s0 (slow, 300 examples)  no memory" in told
