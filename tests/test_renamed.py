"""What a study calls its tasks, and what only scoring needs, is a matter of the report.

Nothing is run again for it.
"""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from transfer_study.cli import app

STUDY = """\
name: s
encoder: {name: tiny, tiny: {hidden_size: 16, layers: 1, heads: 2}}
tasks:
  - name: moods
    kind: classification
    labels: [good, bad]
    metric: accuracy
    source: {format: csv, folder: FOLDER/moods, columns: {id: id}}
  - name: parts
    kind: multilabel
    labels: [sea, sky, war]
    source: {format: jsonl, folder: FOLDER/parts}
  - name: drugs
    kind: tagging
    labels: [Drug, Gene]
    source: {format: conll, folder: FOLDER/drugs}
arms: [single, pairs, full]
controls: [placebo]
readings: [refine, finetune]
seeds: 1
refine: {epochs: 2, learning_rate: 0.003, precision: float32}
finetune: {epochs: 2, learning_rate: 0.003, precision: float32}
"""
# Each by itself: what a study is changed to, and which columns of its deltas then differ.
CHANGES = {
    "names that sort otherwise": (
        [("name: moods", "name: zeal"), ("name: drugs", "name: pills")],
        {"source", "target", "domain"},
    ),
    "names that change places": (
        [("name: moods", "name: XX"), ("name: drugs", "name: moods"), ("name: XX", "name: drugs")],
        {"source", "target"},
    ),
    "the order of labels": (
        [
            ("[good, bad]", "[bad, good]"),
            ("[sea, sky, war]", "[war, sky, sea]"),
            ("[Drug, Gene]", "[Gene, Drug]"),
        ],
        set(),
    ),
    "domains": ([("kind: tagging", "kind: tagging\n    domain: clinical")], set()),
    "what is reported": (
        [("metric: accuracy", "metric: macro_f1\n    select_by: accuracy")],
        {"metric", "scores"},
    ),
    "documents": (
        [("columns: {id: id}", 'columns: {id: id}, document_pattern: "^(d[0-9]+)"')],
        {"documents"},
    ),
}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a study that was run."""
    folder = tmp_path_factory.mktemp("ran")
    for task in ("moods", "parts", "drugs"):
        (folder / task).mkdir()
    moods, parts = {"fine": "good", "dire": "bad"}, ("sea", "sky", "war")
    for split, size in (("train", 40), ("dev", 16), ("test", 24)):
        rows, lines, words = ["id,text,label"], [], []
        for n in range(size):
            mood = ("fine", "dire")[(n * 7) % 3 % 2]
            rows.append(f"d{n // 4}-{split}{n},a {mood} day number {n} {split},{moods[mood]}")
            named = [part for k, part in enumerate(parts) if (n >> k) % 2]
            text = " ".join([*named, "and", f"number{n}", split])
            lines.append(json.dumps({"text": text, "label": named}))
            words += ["took\tO", f"{('aspirin', 'tp53')[n % 2]}\tB-{('Drug', 'Gene')[n % 2]}"]
            words += [f"{split}{n}\tO", ""]
        (folder / "moods" / f"{split}.csv").write_text("\n".join(rows) + "\n")
        (folder / "parts" / f"{split}.jsonl").write_text("\n".join(lines) + "\n")
        (folder / "drugs" / f"{split}.tsv").write_text("\n".join(words) + "\n")
    verb("run", written(folder), "--executor", "in-process", "-q")
    return folder


def written(folder: Path, *changes: tuple[str, str]) -> Path:
    text = STUDY
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    path = folder / "study.yaml"
    path.write_text(text.replace("FOLDER", str(folder)))
    return path


def verb(
    name: str, study: Path, *options: str, results: str = "results", store: str = "store"
) -> str:
    places = ["--store", str(study.parent / store)]
    if name != "plan":
        places += ["--results", str(study.parent / results), "--plots", str(study.parent / "plots")]
    done = CliRunner().invoke(app, [name, str(study), *options, *places], catch_exceptions=False)
    assert done.exit_code in (0, 3), done.output
    return done.output


def deltas(folder: Path, results: str) -> pd.DataFrame:
    found = pd.read_csv(folder / results / "s" / "deltas.csv", keep_default_na=False)
    return found.sort_values(["reading", "arm", "delta", "source", "target"], ignore_index=True)


@pytest.mark.parametrize("change", CHANGES)
def test_nothing_is_run_again(ran: Path, change: str, tmp_path: Path) -> None:
    changes, differ = CHANGES[change]
    assert not verb("report", written(ran), results="before").startswith("error")
    before = deltas(ran, "before")
    study = written(ran, *changes)
    planned = json.loads(verb("plan", study, "--json"))["stages"]
    assert planned and all(stage["done"] for stage in planned)
    results = str(tmp_path)
    verb("report", study, results=results)
    after = deltas(ran, results)
    assert len(after) == len(before)
    if "scores" in differ:
        of_moods = after["target"] == "moods"
        assert set(after.loc[of_moods, "metric"]) == {"macro_f1"}
        assert set(before.loc[before["target"] == "moods", "metric"]) == {"accuracy"}
        return
    pd.testing.assert_series_equal(after["delta"], before["delta"])
    same = before.columns if not differ else ["delta", "n_seeds", "arm", "reading"]
    pd.testing.assert_frame_equal(after[same], before[same])
    if "documents" in differ:
        units = after.loc[after["target"] == "moods", "n_documents"]
        assert set(units) == {6} and set(before["n_documents"]) != {6}


def test_another_machine_goes_on_from_the_answers_in_the_results_folder(ran: Path) -> None:
    """Of stages that no child starts from anew, with another store that has nothing."""
    study = written(ran)
    verb("report", study)
    before = deltas(ran, "results")
    said = verb("run", study, "--executor", "in-process", store="other")
    assert "answers in the results folder); nothing to run." in said
    pd.testing.assert_frame_equal(deltas(ran, "results"), before)
    assert not (ran / "other" / "stages").exists()
    more = ["--set", "readings=[refine]", "--set", "seeds=2", "--executor", "in-process"]
    verb("run", study, *more, store="other")
    seeds = {path.name.split("-")[1] for path in (ran / "other" / "stages").iterdir()}
    assert seeds == {"s1"}
