"""The report of a study can be opened while it runs, and at no time half of it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

import transfer_study
from transfer_study.execute.progress import Progress
from transfer_study.files import write_whole
from transfer_study.session import live_report
from transfer_study.session.places import Places
from transfer_study.store.recorded import plan_of_record
from transfer_study.store.runs.stage_log import RUNS, StageLog
from transfer_study.store.store import Store
from transfer_study.study.stage import Stage

ONE_SEED = 7  # stages of the small study


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "stages", tmp_path / "results", tmp_path / "plots")


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_report, "EVERY", 0.1)
    monkeypatch.setattr(live_report, "PATIENCE", 0.0)
    # A machine with much to do would let it wait.
    monkeypatch.setattr(live_report, "_START", live_report._START.replace("os.nice(19)", "pass"))


def data_of(page: str) -> dict:
    (found,) = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', page, re.S)
    return json.loads(found)


def verdicts(page: str) -> list[str]:
    data = data_of(page)
    at = data["effect"].index("verdict")
    return [effect[at] for effect in data["frames"][0]["effects"]]


def writer(fail: str, places: Places) -> subprocess.Popen[bytes]:
    """The process that writes a report, with a function of this code in place of what writes it."""
    code = f"{fail}\nfrom transfer_study.session import live_report\n"
    where = {"store": str(places.store), "results": places.results, "plots": places.plots}
    wanted = live_report._Wanted(study="small", named="small.yaml", reloads=30, **where)
    process = subprocess.Popen(
        [sys.executable, "-c", f"{code}live_report.write_so_far = fail\nlive_report.main()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdin is not None
    process.stdin.write(wanted.model_dump_json().encode())
    process.stdin.close()
    return process


class Reader(Progress):
    """Lets a run wait after some stages until its page tells of them, and keeps what it saw."""

    def __init__(self, page: Path, *, after: tuple[int, ...]) -> None:
        self.page = page
        self.after = after
        self.done = 0
        self.seen: list[str] = []

    def finished(self, stage: Stage) -> None:
        self.done += 1
        if self.done in self.after:
            # What is committed is told to the report after this one.
            threading.Thread(target=self.read).start()

    def started(self, stage: Stage) -> None:
        deadline = time.monotonic() + 100
        while len(self.seen) < sum(n <= self.done for n in self.after):
            assert time.monotonic() < deadline, "the page never came"
            time.sleep(0.05)

    def read(self) -> None:
        wanted = re.compile(rf"Written while the study runs, [^:]*:[^:]*:[^:]*: {self.done} of 14 ")
        for _ in range(2000):
            text = self.page.read_text(encoding="utf-8") if self.page.exists() else ""
            assert not text or text.rstrip().endswith("</html>"), "half a page"
            if wanted.search(text):
                self.seen.append(text)
                return
            time.sleep(0.05)


def test_edges_appear_as_their_stages_end(small_study: Path, places: Places) -> None:
    folder = places.results / "small"
    reader = Reader(folder / "report.html", after=(ONE_SEED, 10))
    outcome = transfer_study.run(small_study, places=places, executor="in-process", progress=reader)
    first, second = reader.seen
    # With one of two seeds no edge is whole; nothing is judged of it.
    assert set(verdicts(first)) == {"not_run"}
    assert set(verdicts(second)) >= {"not_run"}
    assert "The data were not searched for leaks" not in first  # for they were, before the run
    final = (folder / "report.html").read_text(encoding="utf-8")
    assert "Written while" not in final
    assert "not_run" not in verdicts(final)
    assert outcome.not_run == frozenset()
    assert sorted(path.name for path in folder.iterdir() if path.name.startswith(".")) == []


def test_tables_wait_for_the_end(small_study: Path, places: Places) -> None:
    """A table from which somebody computes is that of the last whole report, not a part."""
    folder = places.results / "small"
    transfer_study.run(small_study, places=places, executor="in-process", progress=False)
    before = {path.name: path.read_bytes() for path in folder.glob("*.csv")}
    plan_ = plan_of_record(folder)
    assert plan_ is not None
    store = Store(places.store)
    for stage in plan_.stages[ONE_SEED:]:
        (store.folder(stage) / "result.json").unlink()
        (store.folder(stage) / "stage.json").rename(folder / "aside")
    live_report.write_so_far(plan_, places, "small.yaml", 30)
    said = (folder / "report.md").read_text(encoding="utf-8")
    assert f": {ONE_SEED} of 14 stages are done." in said
    assert {path.name: path.read_bytes() for path in folder.glob("*.csv")} == before
    drawn = json.loads((places.plots / "small" / "transfer_graph.json").read_text())
    # The answers that the results folder has kept are used where the store has none.
    assert {edge["verdict"] for edge in drawn.get("links", drawn.get("edges"))} == {"not_learned"}


def test_a_run_that_ends_takes_its_writer_along(
    small_study: Path, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    endless = "import time; time.sleep(1000)"
    monkeypatch.setattr(live_report, "_START", endless)
    started: list[int] = []

    class Waiting(Progress):
        def started(self, stage: Stage) -> None:
            deadline = time.monotonic() + 60
            while not started and waits:
                found = psutil.Process().children()
                started.extend(c.pid for c in found if endless in c.cmdline())
                assert time.monotonic() < deadline
                time.sleep(0.05)
            waits.append(stage)

    waits: list[Stage] = []
    began = time.monotonic()
    transfer_study.run(
        small_study,
        settings=["seeds=1", "arms=[single]"],
        places=places,
        executor="in-process",
        progress=Waiting(),
    )
    assert started and not psutil.pid_exists(started[0])
    assert time.monotonic() - began < 100


def test_a_report_that_cannot_be_written_ends_no_run_and_is_told(
    small_study: Path, places: Places
) -> None:
    few = ["seeds=1", "arms=[single]"]
    transfer_study.run(
        small_study, settings=few, places=places, executor="in-process", progress=False
    )
    with writer("def fail(*_): raise ValueError('it fell')", places) as process:
        assert process.wait(timeout=60) != 0
    (said,) = StageLog(Store(places.store), RUNS).last(9)
    assert said["event"] == "warning"
    assert said["message"] == "the report could not be written yet: ValueError: it fell"


def test_a_file_is_whole_whenever_it_is_read(tmp_path: Path) -> None:
    path, texts = tmp_path / "page.html", [bytes([n]) * 300_000 for n in (65, 66)]
    over = threading.Event()

    def write() -> None:
        while not over.is_set():
            for text in texts:
                write_whole(path, text)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(300):
            assert not path.exists() or path.read_bytes() in texts
    finally:
        over.set()
        thread.join()
    assert [found.name for found in tmp_path.iterdir()] == ["page.html"]
    path.chmod(0o640)
    write_whole(path, b"anew")
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_writer_that_is_stopped_leaves_nothing_half_written(
    small_study: Path, places: Places
) -> None:
    transfer_study.run(
        small_study,
        settings=["seeds=1", "arms=[single]"],
        places=places,
        executor="in-process",
        progress=False,
    )
    folder = places.results / "small"
    before = {path.name for path in folder.iterdir()}
    slow = (
        "import time\n"
        "from pathlib import Path\n"
        "from transfer_study.files import write_whole\n"
        "def fail(_, places, *__):\n"
        "    def slowly(self, target):\n"
        "        print('written aside', flush=True); time.sleep(100)\n"
        "    Path.replace = slowly\n"
        "    write_whole(places.results / 'small' / 'report.html', b'new')\n"
    )
    with writer(slow, places) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"written aside\n"
        assert {path.name for path in folder.iterdir()} > before
        process.terminate()
        process.wait(timeout=60)
    assert {path.name for path in folder.iterdir()} == before
