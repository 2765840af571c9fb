"""`examples` lists what an edge changes: by the study's own answers, and only where it is asked."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parents[1]
CORPORA = ROOT.parent / "shared" / "data" / "blue"
TAGGING = str(ROOT / "experiments" / "public_tagging.yaml")
BIOMEDICAL = str(ROOT / "experiments" / "public_biomedical.yaml")


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.delenv("TRANSFER_STUDY_DATA", raising=False)
    return ["--store", str(tmp_path / "none"), "--results", str(ROOT / "results")]


def test_the_examples_are_those_whose_answers_differ(command, places, tmp_path) -> None:
    to = tmp_path / "new" / "changed.csv"
    words = ["examples", BIOMEDICAL, "ddi2013-type", "chemprot", "--to", str(to), *places]
    code, said, _ = command(*words)
    assert code == 0
    table = pd.read_csv(to)
    assert (table["right_alone"] != table["right_together"]).all()
    change = (table["right_together"] - table["right_alone"]).abs()
    assert change.is_monotonic_decreasing
    # Where all seeds are right together, gold is what they answer.
    sure = table[table["right_together"] == 1]
    assert (sure["together"] == sure["gold"]).all()
    better = int((table["right_together"] > table["right_alone"]).sum())
    assert f"over 4 seeds {better:,} examples are right more often together" in said
    assert f"All {len(table):,}: {to}" in said.replace("\n", "")


def test_mentions_are_told_by_their_places_or_their_words(command, places) -> None:
    asked = ["examples", TAGGING, "bc2gm", "bc5cdr-chemical", "--most", "5", *places]
    code, said, _ = command(*asked)
    assert code == 0
    assert "(Chemical)" in said
    assert "word " in said
    assert "text" not in said.splitlines()[1]
    if not CORPORA.is_dir():
        pytest.skip(f"the public corpora are not at {CORPORA}")
    extra = CORPORA.parent / "extra"
    code, said, error = command(*asked, "--texts", "--data", str(extra))
    assert code == 2  # two of the corpora are elsewhere
    assert "bc5cdr-chemical" in error


def test_as_json_it_names_the_edge(command, places) -> None:
    words = ["examples", BIOMEDICAL, "ddi2013-type", "chemprot", "--json", "--most", "2"]
    told = json.loads(command(*words, *places)[1])
    assert told["edge"]["arm"] == "pair"
    assert told["seeds"] == 4
    assert len(told["examples"]) == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["ddi2013", "chemprot"], "did you mean 'ddi2013-type'? Allowed: "),
        (["ddi2013-type", "chem"], "found the target 'chem'; "),
        (["ddi2013-type", "chemprot", "--arm", "full"], "--arm: found 'full'; allowed: pair"),
        (["ddi2013-type", "chemprot", "--size", "7"], "--size: found '7'; allowed: None"),
    ],
)
def test_an_edge_that_is_not_there_is_refused(command, places, words, said) -> None:
    code, _, error = command("examples", BIOMEDICAL, *words, *places)
    assert code == 2
    assert said in error


def test_what_was_not_run_has_no_examples(command, tmp_path: Path) -> None:
    results = tmp_path / "results" / "public_biomedical"
    results.mkdir(parents=True)
    record = (ROOT / "results" / "public_biomedical" / "stages.json").read_bytes()
    (results / "stages.json").write_bytes(record)
    places = ["--store", str(tmp_path / "none"), "--results", str(tmp_path / "results")]
    code, _, error = command("examples", BIOMEDICAL, "ddi2013-type", "chemprot", *places)
    assert code == 2
    assert "no run of ddi2013-type on chemprot is there yet; run the study" in error
