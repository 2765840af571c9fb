"""Reports to pass on, and reports with other settings: neither touches the study's own."""

from __future__ import annotations

import gzip
import json
import platform
import re
import shutil
import socket
import zlib
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

MARKERS = {
    "id of an example": "patientmark",
    "text": "secretmark",
    "document": "lettermark",
    "path of the data": "corpusmark",
    "path of the encoder": "modelmark",
    "path of the study": "placemark",
    "host": "hostmark",
    "user": "usermark",
}

_STUDY = """\
name: shared
encoder: {encoder}
data: ../{data}
tasks:
  - name: weather
    kind: classification
    labels: ["yes", "no"]
    source: {{format: tsv, folder: weather, columns: {columns}}}
  - name: season
    kind: classification
    labels: ["yes", "no"]
    source: {{format: tsv, folder: season, columns: {columns}}}
arms: [single, pairs]
readings: [refine]
seeds: 2
refine: {{epochs: 1, learning_rate: 0.001, precision: float32}}
"""


def _write_corpus(folder: Path) -> None:
    folder.mkdir(parents=True)
    for split, rows in (("train", 40), ("dev", 20), ("test", 40)):
        lines = ["id\ttext\tlabel\tletter"]
        for n in range(rows):
            # The first of each split are the same: a leak, whose examples a report names.
            text = (
                "secretmark sun on the mat again and again" if n < 2 else f"secretmark {split}{n}"
            )
            label = "yes" if n % 2 else "no"
            lines.append(f"patientmark-{split}-{n}\t{text}\t{label}\tlettermark-{split}-{n // 3}")
        (folder / f"{split}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture
def marked(tmp_path: Path, bert_folder: Path, monkeypatch) -> Path:
    """The file of a study whose data and machine have names that nothing else has."""
    home = tmp_path / "usermark" / "placemark"
    home.mkdir(parents=True)
    monkeypatch.chdir(home)
    monkeypatch.setattr(socket, "gethostname", lambda: "hostmark")
    for task in ("weather", "season"):
        _write_corpus(home.parent / "corpusmark" / task)
    encoder = home.parent / "modelmark" / "small-bert"
    shutil.copytree(bert_folder, encoder)
    columns = "{id: id, text: text, label: label, document: letter}"
    study = home / "studymark.yaml"
    study.write_text(_STUDY.format(encoder=encoder, data="corpusmark", columns=columns), "utf-8")
    return study


def test_what_is_shared_names_no_example_and_no_machine(command, marked, tmp_path) -> None:
    assert command("run", str(marked), "--executor", "in-process", "--quiet")[0] == 0
    own = marked.parent / "results" / "shared"
    everything = b"".join(
        path.read_bytes() for path in (marked.parent / "results").rglob("*") if path.is_file()
    )
    for what, marker in MARKERS.items():
        if what not in ("text", "path of the data"):  # which are kept nowhere
            assert marker.encode() in everything, what
    before = _content(marked.parent)

    folder = tmp_path / "to-others"
    code, said, _ = command("report", str(marked), "--share", str(folder))
    assert code == 0
    assert _content(marked.parent) == before  # nothing of the study's own is touched
    assert f"Report: {folder / 'report.html'}" in said
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {
        *("report.html", "report.md", "deltas.csv", "deltas.md", "deltas.tex", "tables.md"),
        *("scores.csv", "leaks.csv", "costs.csv", "made.csv"),
        *(f"figures/transfer_graph.{kind}" for kind in ("svg", "png", "pdf", "json", "graphml")),
    } <= names
    assert not {name for name in names if name.endswith((".parquet", ".log", ".yaml"))}
    for name in sorted(names):
        for written in _readable(folder / name):
            for what, marker in {**MARKERS, "study": "studymark"}.items():
                assert marker.encode() not in written.lower(), (what, name)
    # Numbers are those of the study's own tables, its encoder by its last name.
    shared, deltas = pd.read_csv(folder / "deltas.csv"), pd.read_csv(own / "deltas.csv")
    assert set(shared.pop("encoder")) == {"small-bert"}
    assert shared.equals(deltas.drop(columns="encoder"))
    assert len(pd.read_csv(folder / "leaks.csv")) == len(pd.read_csv(own / "leaks.csv")) > 0
    text = (folder / "report.md").read_text("utf-8")
    assert "](figures/transfer_graph.svg)" in text
    assert "transfer-study run STUDY" in text
    for kept in ("costs.csv", "made.csv"):
        assert (folder / kept).read_bytes() == (own / kept).read_bytes()
    # Where the stages are no more, it is made from what is kept, and says no more than before.
    shutil.rmtree(marked.parent / "results" / "stages")
    command("report", str(marked), "--share", str(folder))
    for kept in ("costs.csv", "made.csv", "leaks.csv"):
        assert (folder / kept).is_file()
    assert "Stages run" in (folder / "report.md").read_text("utf-8")
    for path in filter(Path.is_file, folder.rglob("*")):
        assert not [m for m in MARKERS.values() for w in _readable(path) if m.encode() in w], path
    # What is no part of it is neither overwritten nor mixed with it.
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    kept = _content(folder)
    code, _, error = command("report", str(marked), "--share", str(folder))
    assert code == 2
    assert "notes.txt" in error
    assert "give a new folder, or an empty one" in error
    assert _content(folder) == kept


def _content(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _readable(path: Path) -> Iterator[bytes]:
    """The bytes of a file, and of what is compressed in it."""
    content = path.read_bytes()
    yield content
    if path.suffix == ".pdf":
        for stream in re.findall(rb"stream\r?\n(.*?)endstream", content, re.S):
            yield zlib.decompressobj().decompress(stream) if stream[:1] == b"x" else stream
    if path.suffix == ".png":
        at = 8
        while at < len(content):
            length, kind = int.from_bytes(content[at : at + 4], "big"), content[at + 4 : at + 8]
            assert kind in (b"IHDR", b"pHYs", b"IDAT", b"IEND"), kind  # no words beside the picture
            at += 12 + length
    if path.suffix == ".html":
        data = json.loads(re.search(rb'id="data">(.*?)</script>', content, re.S)[1])
        for frame in data["frames"]:
            yield from (gzip.decompress(b64decode(graph)) for graph in frame["graphs"])


_TWO = """\
name: two
encoder: {name: tiny, tiny: {hidden_size: 16, layers: 1, heads: 2}}
tasks:
  - name: relation
    kind: classification
    labels: [herb, beast]
    source: {format: synthetic, task: relation, train: 40, dev: 20, test: 40}
  - name: topics
    kind: multilabel
    labels: [sea, sky, war, law]
    source: {format: synthetic, task: topics, train: 40, dev: 20, test: 40}
arms: [single, pairs]
readings: [refine]
seeds: 2
refine: {epochs: 1, learning_rate: 0.001, precision: float32}
"""


def test_a_report_with_other_settings_has_a_folder_of_its_own(
    command, tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    study = tmp_path / "two.yaml"
    study.write_text(_TWO, encoding="utf-8")
    assert command("run", str(study), "--executor", "in-process", "--quiet")[0] == 0
    before = _content(tmp_path)
    code, said, _ = command("report", str(study), "--set", "seeds=1")
    assert code == 0
    assert "Report: results/two/seeds=1/report.html" in said
    after = _content(tmp_path)
    assert {path: after[path] for path in before} == before
    one = tmp_path / "results" / "two" / "seeds=1"
    assert set(pd.read_csv(one / "deltas.csv")["n_seeds"]) == {1}
    assert pd.read_csv(one / "costs.csv")["stages"].iloc[-1] == 3
    assert "--set seeds=1" in (one / "report.md").read_text("utf-8")
    assert (tmp_path / "plots" / "two" / "seeds=1" / "transfer_graph.svg").is_file()
    # What the study was last run with is the study's own, however it is said.
    run = ("--executor", "in-process", "--quiet")
    assert command("run", str(study), "--set", "seeds=1", *run)[0] == 0
    code, said, _ = command("report", str(study), "--set", "seeds=1")
    assert code == 0
    assert "Report: results/two/report.html" in said


def test_a_report_says_when_on_what_and_with_what_stages_were_run(
    command, tmp_path, monkeypatch
) -> None:
    from importlib.metadata import version

    monkeypatch.chdir(tmp_path)
    study = tmp_path / "two.yaml"
    study.write_text(_TWO, encoding="utf-8")
    assert command("run", str(study), "--executor", "in-process", "--quiet")[0] == 0
    folder = tmp_path / "results" / "two"
    record = json.loads(next((tmp_path / "results" / "stages").rglob("stage.json")).read_text())
    told = record["provenance"]
    known = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*:\s*(.+)", known.read_text()) if known.is_file() else []
    if names:
        assert told["device"] == " ".join(names[0].split())
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", told["date"])
    expected = [
        f"Stages run {told['date']} on {told['device']} with transfer-study "
        f"{told['versions']['transfer-study']}, python {platform.python_version()}, "
        f"torch {version('torch')}, transformers {version('transformers')}.",
        f"with transfer-study {told['versions']['transfer-study']}, python",
    ]
    text = (folder / "report.md").read_text("utf-8").replace("\\", "")
    page = (folder / "report.html").read_text("utf-8")
    for words in expected:
        assert words in text, words
        assert words in page, words
    # Where the store is no more, it is as an earlier report kept it; where nothing was, unsaid.
    shutil.rmtree(tmp_path / "results" / "stages")
    command("report", str(study))
    assert expected[0] in (folder / "report.html").read_text("utf-8")
    (folder / "made.csv").unlink()
    command("report", str(study))
    page = (folder / "report.html").read_text("utf-8")
    assert "Stages run" not in page
    assert "Report made" in page
