"""Whatever lies where a file is looked for, and whatever data say: a sentence, never obeyed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.conftest import Command
from transfer_study import Places, run
from transfer_study.report.tables.table import markdown_text

STUDY = """\
name: hostile
encoder: {name: tiny, tiny: {hidden_size: 16, layers: 1, heads: 2}}
tasks:
  - name: topics
    kind: multilabel
    labels: [sea, sky, war, law]
    source: {format: synthetic, task: topics, train: 40, dev: 20, test: 40}
  - name: relation
    kind: classification
    labels: [herb, beast]
    source: {format: synthetic, task: relation, train: 40, dev: 20, test: 40}
arms: [single, pairs]
seeds: 2
refine: {epochs: 1, learning_rate: 0.001, precision: float32}
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a study that was run: study.yaml, stages, results, plots."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "study.yaml").write_text(STUDY)
    run(folder / "study.yaml", places=places_in(folder), executor="in-process")
    return folder


@pytest.fixture
def copied(made: Path, tmp_path: Path) -> Path:
    """A copy of it that may be damaged."""
    return Path(shutil.copytree(made, tmp_path / "copied"))


def places_in(folder: Path) -> Places:
    return Places(folder / "stages", folder / "results", folder / "plots")


def options(folder: Path, *names: str) -> dict[str, str]:
    return {name: str(folder / {"store": "stages"}.get(name, name)) for name in names}


def words(options: dict[str, str]) -> list[str]:
    return [f"--{name}={place}" for name, place in options.items()]


def told(done: tuple[int, str, str], *said: str) -> str:
    """One sentence on stderr and exit code 2, or what failed."""
    code, stdout, stderr = done
    lines = [line for line in stderr.splitlines() if line.startswith("error: ")]
    assert (code, stdout, len(lines)) == (2, "", 1), (code, stdout, stderr)
    for part in said:
        assert part in lines[0], (part, stderr)
    return lines[0]


VERBS = {
    "run": (["--executor=in-process", "--quiet"], ("store", "results", "plots")),
    "plan": ([], ("store",)),
    "status": ([], ("store", "results")),
    "report": ([], ("store", "results", "plots")),
    "recommend": (["--all"], ("store", "results")),
    "compare": (["SAME"], ("store", "results", "plots")),
    "export": (["--task=topics"], ("store", "results", "to")),
    "prune": ([], ("store", "results")),
}


@pytest.mark.parametrize(
    ("verb", "option"), [(verb, option) for verb, (_, places) in VERBS.items() for option in places]
)
@pytest.mark.timeout(120)
def test_places_that_cannot_be_are_told(
    copied: Path, command: Command, verb: str, option: str
) -> None:
    more, names = VERBS[verb]
    study = str(copied / "study.yaml")
    (copied / "file").write_text("x")
    os.mkfifo(copied / "pipe")
    # Of a place that is only read, one where nothing is has nothing in it.
    writes = option == "to" or (verb in ("run", "report", "compare") and option != "store")
    impossible = [copied / "file", copied / "file" / "sub", copied / "pipe", "/dev/full", "a" * 300]
    for place in [*impossible, *(["/proc/nothing"] if writes or verb == "run" else [])]:
        given = options(copied, *names) | {option: str(place)}
        line = told(
            command(verb, study, *(study if w == "SAME" else w for w in more), *words(given))
        )
        assert str(place) in line


@pytest.mark.parametrize("option", ["store", "results", "plots"])
def test_a_full_disk_is_told_before_anything_is_trained(
    made: Path, tmp_path: Path, command: Command, option: str
) -> None:
    full = tmp_path / "full"
    full.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4k", "none", full], check=False
    ).returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        with (full / "much").open("wb") as file:
            file.write(bytes(4096))
        given = options(tmp_path, "store", "results", "plots") | {option: str(full)}
        done = command("run", str(made / "study.yaml"), "--executor=in-process", *words(given))
        told(done, str(full), "No space left", f"--{option}")
        assert not (tmp_path / "stages").exists()
    finally:
        subprocess.run(["umount", full], check=True)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("place", ["file.yaml/x", "pipe", "/dev/zero", "folder", "a" * 300])
def test_study_files_that_are_no_files_are_told(
    tmp_path: Path, command: Command, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file.yaml").write_text("x")
    os.mkfifo("pipe")
    Path("folder").mkdir()
    for verb in ("run", "plan", "tasks", "status", "report", "prefetch"):
        told(command(verb, place), place, "cannot be read")


@pytest.mark.timeout(60)
def test_a_pipe_in_place_of_data_is_told(tmp_path: Path, command: Command) -> None:
    text = STUDY.replace(
        "{format: synthetic, task: relation, train: 40, dev: 20, test: 40}", "FILES"
    )
    files = "{format: tsv, files: {train: pipe, dev: pipe, test: pipe}}"
    (tmp_path / "study.yaml").write_text(text.replace("FILES", files))
    os.mkfifo(tmp_path / "pipe")
    told(command("plan", str(tmp_path / "study.yaml"), f"--store={tmp_path}/s"), "pipe or device")


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "content", ["[" * 100_000, "[]", "5", None], ids=["deep", "list", "5", "pipe"]
)
def test_an_encoder_that_says_nothing_sensible_is_told(
    tmp_path: Path, command: Command, content: str | None
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "vocab.txt").write_text("[PAD]\n")
    config = tmp_path / "model" / "config.json"
    os.mkfifo(config) if content is None else config.write_text(content)
    text = STUDY.replace("{name: tiny, tiny: {hidden_size: 16, layers: 1, heads: 2}}", "model")
    (tmp_path / "study.yaml").write_text(text)
    told(command("plan", str(tmp_path / "study.yaml"), f"--store={tmp_path}/s"), str(tmp_path))


def test_rows_that_are_nested_deeply_are_told(tmp_path: Path, command: Command) -> None:
    text = STUDY.replace(
        "{format: synthetic, task: relation, train: 40, dev: 20, test: 40}", "FILES"
    )
    files = "{format: jsonl, files: {train: deep, dev: deep, test: deep}}"
    (tmp_path / "study.yaml").write_text(text.replace("FILES", files))
    for depth in (100_000, 700):
        (tmp_path / "deep").write_text(f'{{"text": {"[" * depth}{"]" * depth}, "label": "herb"}}\n')
        told(command("plan", str(tmp_path / "study.yaml"), f"--store={tmp_path}/s"), "deep, line 1")


# What a store and a results folder have lost or hold instead


def folder_of(root: Path, family: str = "refine-topics-s0") -> Path:
    (folder,) = (
        record.parent
        for record in (root / "stages" / "stages").glob("*/stage.json")
        if json.loads(record.read_text())["family"] == family
    )
    return folder


READING = {"report": [], "recommend": ["--all"], "status": []}


@pytest.mark.parametrize("verb", READING)
def test_a_stage_that_lost_its_record_is_told(copied: Path, command: Command, verb: str) -> None:
    folder = folder_of(copied)
    (folder / "result.json").unlink()
    names = VERBS[verb][1]
    code, _, stderr = command(
        verb, str(copied / "study.yaml"), *READING[verb], *words(options(copied, *names))
    )
    assert f"warning: {folder} holds files but no result.json" in stderr
    assert code in (0, 3)
    if verb == "report":
        report = (copied / "results" / "hostile" / "report.md").read_text()
        assert markdown_text(str(folder)) in report


def test_a_stage_that_is_gone_is_told_until_it_is_run_again(copied: Path, command: Command) -> None:
    study, given = str(copied / "study.yaml"), words(options(copied, "store", "results", "plots"))
    folder = folder_of(copied)
    shutil.rmtree(folder)
    # Its predictions are still among the compact ones.
    code, _, stderr = command("report", study, *given)
    assert (code, stderr) == (0, "")
    for name in ("gold.parquet", "predictions.parquet"):
        (copied / "results" / "hostile" / name).unlink()
    for _ in range(2):
        code, _, stderr = command("report", study, *given)
        assert code == 3
        assert f"warning: {folder.name} was run and is in the store" in stderr
    assert command("run", study, *given, "--executor=in-process", "--quiet")[0] == 0
    assert command("report", study, *given)[::2] == (0, "")


@pytest.mark.parametrize("file", ["gold.parquet", "predictions.parquet"])
def test_damaged_compact_files_are_told_by_every_verb(
    copied: Path, command: Command, file: str
) -> None:
    shutil.rmtree(copied / "stages")
    path = copied / "results" / "hostile" / file
    table = pq.read_table(path)
    for damaged in (table.slice(1), table.slice(0, 0), pa.table({"a": [1]}), b"", b"PAR1" * 9):
        if isinstance(damaged, bytes):
            path.write_bytes(damaged)
        else:
            pq.write_table(damaged, path)
        for verb in ("report", "recommend"):
            given = words(options(copied, *VERBS[verb][1]))
            code, stdout, stderr = command(
                verb, str(copied / "study.yaml"), *VERBS[verb][0], *given
            )
            assert "Traceback" not in stderr
            if file == "gold.parquet" or isinstance(damaged, bytes) or "a" in damaged.schema.names:
                told((code, stdout, stderr), str(path))
            else:  # rows that are not there are stages that were not run, which is told
                assert code == 3 or "warning: refine-" in stderr


@pytest.mark.parametrize(
    "change",
    [
        {"provenance": {"wall_seconds": "long", "versions": {}, "device": "cpu"}},
        {"provenance": {"wall_seconds": 1.0, "versions": [], "device": 3}},
        {"provenance": 5},
        {"provenance": None},
        {"selected_epoch": []},
        "[" * 100_000,
        '{"provenance": {"wall_seconds": 1e999}}',
    ],
)
def test_a_stage_that_says_senseless_things_of_itself(
    copied: Path, command: Command, change: dict[str, Any] | str
) -> None:
    folder = folder_of(copied)
    path = folder / "stage.json"
    said = change if isinstance(change, str) else json.dumps(json.loads(path.read_text()) | change)
    path.write_text(said)
    from transfer_study.study.frozen import file_hash

    record = json.loads((folder / "result.json").read_text())
    record["files"]["stage.json"] = {"size": len(said), "sha256": file_hash(path)}
    (folder / "result.json").write_text(json.dumps(record))
    study = str(copied / "study.yaml")
    for verb in ("plan", "status", "report", "recommend"):
        more, names = VERBS[verb]
        code, _, stderr = command(verb, study, *more, *words(options(copied, *names)))
        assert (code, stderr) == (0, ""), verb
    given = words(options(copied, "store", "results", "to"))
    told(command("export", study, "--task=topics", *given), str(path), "run the stage again")


# What data say


HOSTILE = "[/red] [bold]x[/] :smile:"
COLOURS = "\x1b[31mred\x1b[0m"


@pytest.fixture
def table(tmp_path: Path) -> Iterator[Path]:
    """A study whose ids and documents are markup, and leak from test into train."""
    rows = "".join(
        f"{HOSTILE} {n}\tdoc {HOSTILE}\ta text that is long enough to be no heading, {n} [/red]"
        f"\t{label}\n"
        for n, label in enumerate(["[/yes]", "[no]"] * 5)
    )
    for split in ("train", "dev", "test"):
        (tmp_path / f"{split}.tsv").write_text(f"id\tdocument\ttext\tlabel\n{rows}")
    yield tmp_path
    (tmp_path / "study.yaml").unlink()


def test_what_data_say_is_shown_and_never_obeyed(table: Path, command: Command) -> None:
    (table / "study.yaml").write_text(
        "name: said\nencoder: {name: tiny, tiny: {hidden_size: 16, layers: 1, heads: 2}}\n"
        "tasks:\n  - name: one\n    kind: classification\n    labels: ['[/yes]', '[no]']\n"
        f"    source: {{format: tsv, folder: '{table}', columns: {{id: id, document: document}}}}\n"
        "arms: [single]\nseeds: 1\nrefine: {epochs: 1, precision: float32}\n"
    )
    study = str(table / "study.yaml")
    code, stdout, stderr = command("tasks", study)
    assert (code, stderr) == (0, "")
    assert "[/yes] 5, [no] 5" in stdout
    given = words(options(table, "store", "results", "plots"))
    assert command("run", study, "--executor=in-process", "--quiet", *given)[0] == 0
    told_ = [stdout, command("report", study, *given)[1]]
    files = [p for p in (table / "results" / "said").iterdir() if p.suffix in FORMATS]
    assert {path.suffix for path in files} == FORMATS
    told_ += [path.read_text(encoding="utf-8") for path in files]
    for text in told_:
        assert not set(text) & CONTROLS

    # What would move a cursor or change a colour is not read at all.
    train = table / "train.tsv"
    train.write_text(train.read_text().replace(HOSTILE, COLOURS, 1))
    code, stdout, stderr = command("tasks", study)
    assert (code, stdout) == (2, "")
    assert "U+001B" in stderr
    assert not set(stderr) & CONTROLS


FORMATS = {".csv", ".md", ".tex", ".html"}
CONTROLS = {chr(n) for n in (*range(32), *range(127, 160))} - set("\n\t")


def test_a_path_that_colours_is_shown(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "transfer_study", "plan", "\x1b[31m[/red]\n.yaml"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )
    assert done.returncode == 2
    assert done.stderr == (
        "error: \\x1b[31m[/red]\\n.yaml: there is no such study file; check the path\n"
    )


@pytest.mark.parametrize("content", [b"", b"PAR1", b"a,b\n1\n1,2,3\n", b"\xff\xfe\x00"])
def test_damaged_tables_of_an_earlier_report_are_told(
    copied: Path, command: Command, content: bytes
) -> None:
    path = copied / "results" / "hostile" / "leaks.csv"
    path.write_bytes(content)
    study = str(copied / "study.yaml")
    code, _, stderr = command("report", study, *words(options(copied, "store", "results", "plots")))
    assert "Traceback" not in stderr
    assert code == 0 or f"error: {path} cannot be read" in stderr


@pytest.mark.timeout(60)
def test_pipes_in_a_checkpoint_and_a_cache_that_is_a_file_are_told(
    tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "checkpoint").mkdir()
    for name in ("bert_model.ckpt.index", "bert_config.json", "vocab.txt"):
        os.mkfifo(tmp_path / "checkpoint" / name)
    told(command("convert-tf", str(tmp_path / "checkpoint"), str(tmp_path / "out")))
    (tmp_path / "cache").write_text("x")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache" / "hub"))
    text = STUDY.replace("{name: tiny, tiny: {hidden_size: 16, layers: 1, heads: 2}}", "some/model")
    (tmp_path / "study.yaml").write_text(text)
    told(command("plan", str(tmp_path / "study.yaml"), f"--store={tmp_path}/s"), "some/model")
