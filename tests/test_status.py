"""`status` while a run goes on, after it was killed, and after a stage failed."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pexpect
import pyte
import pytest

from tests.conftest import Command
from transfer_study.execute.cost import SecondsEstimate
from transfer_study.session.plans import make_plan
from transfer_study.session.status import Status, study_status
from transfer_study.store.runs.running import Running, running, tell_running
from transfer_study.store.store import Store
from transfer_study.study.file.study_file import read_study
from transfer_study.study.plan import Plan
from transfer_study.study.stage import Stage
from transfer_study.study.stage_labels import stage_labels
from transfer_study.terminal import status as terminal_status

HEAVY = ("torch", "ray", "pandas", "pyarrow", "scipy", "matplotlib", "transformers", "tokenizers")
# A stage goes on until it is killed.
ENDLESS = ("--set", "refine.epochs=5000", "--set", "arms=[single]", "--set", "seeds=1")


def status(study: Path, *options: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "transfer_study", "status", str(study), "--json", *options],
        cwd=study.parent,
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    return json.loads(done.stdout)


def test_status_shows_what_runs_where_and_since_when(small_study: Path) -> None:
    words = ["run", str(small_study), *ENDLESS, "--executor", "in-process", "-q"]
    began = datetime.now(timezone.utc)
    with subprocess.Popen(
        [sys.executable, "-m", "transfer_study", *words], cwd=small_study.parent
    ) as run:
        try:
            deadline = time.monotonic() + 150
            said: dict[str, Any] = {}
            while not said.get("running") or said["running"][0]["epoch"] == 0:
                assert run.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.5)
                # Not before the run has kept its plan, which is to be read here.
                if (small_study.parent / "results" / "small" / "stages.json").is_file():
                    said = status(small_study, *ENDLESS)
            (one,) = said["running"]
            assert (one["host"], one["process"]) == (socket.gethostname(), run.pid)
            assert one["name"].startswith("refine-s0-")
            assert one["label"] == "refine-entities-s0"
            assert said["stages"][one["label"]] == "running"
            assert said["counts"] == {"done": 0, "running": 1, "missing": 2, "failed": 0}
            assert 1 <= one["epoch"] < one["epochs"] == 5000
            since, sign = (datetime.fromisoformat(one[key]) for key in ("since", "last_sign"))
            assert began.replace(microsecond=0) <= since <= sign <= datetime.now(timezone.utc)
        finally:
            run.kill()
    after = status(small_study, *ENDLESS)
    assert after["running"] == []
    assert after["counts"] == {"done": 0, "running": 0, "missing": 3, "failed": 0}


def test_status_reads_neither_data_nor_anything_heavy(
    small_study: Path, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    few = ("--set", "arms=[single]", "--set", "seeds=1")
    code, *_ = command("run", str(small_study), *few, "--executor=in-process", "-q")
    assert code == 0
    more = [*few[:-1], "seeds=2"]
    script = (
        "import sys\n"
        "from transfer_study.cli import app\n"
        f"try: app(['status', {str(small_study)!r}, *{more!r}])\n"
        "except SystemExit: pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stderr.strip() == "[]"
    assert "small: 3 of 6 stages done, 0 running, 3 missing, 0 failed" in done.stdout
    assert "Nothing runs now; about " in done.stdout  # like stages were measured
    assert 0 < status(small_study, *more)["seconds_left"] < 100


def test_status_tells_of_other_hosts_what_they_last_said_and_of_failures(
    small_study: Path, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = Store(tmp_path / "results" / "stages")
    running, failed, *_ = make_plan(read_study(small_study))
    store.fail(failed, "Traceback\nValueError: the loss is not finite\n")
    with monkeypatch.context() as elsewhere, tell_running(running, store) as attempt:
        elsewhere.setattr(socket, "gethostname", lambda: "node-7")
        attempt.tell(1)
        elsewhere.undo()
        code, out, err = command("status", str(small_study))
        assert code == 0
        (line,) = (line for line in out.splitlines() if line.startswith("refine-entities-s0"))
        assert line.split()[:3] == ["refine-entities-s0", "node-7", str(os.getpid())]
        assert "0 s ago" in line and "looks dead" not in line
        assert line.rstrip().endswith("1/2")
        assert "1 stage runs now; how long the rest takes is unknown" in out
        assert f"failed: {failed.family}: ValueError: the loss is not finite" in err
        told = json.loads(command("status", str(small_study), "--json")[1])
        assert told["seconds_left"] is told["device_hours"]["left"] is None
        (failure,) = told["failures"]
        assert failure["name"] == failed.name
        assert failure["message"] == "ValueError: the loss is not finite"
        assert (store.root / failure["log"]).is_file()
        assert not Path(failure["log"]).is_absolute()
        assert told["counts"] == {"done": 0, "running": 1, "missing": 12, "failed": 1}
        assert not told["over"]


def silent(store: Store, stage: Stage, seconds: float) -> None:
    """Let what runs a stage have given no sign for so long, as from another host."""
    folder = store.root / "attempts" / f"{stage.name}@node-7~00000000@17@0123abcd"
    folder.mkdir(parents=True)
    now = time.time()
    said = Running(
        stage=stage.id, host="node-7", process=17, since=now - 7200, told=now - seconds, epoch=0
    )
    (folder / "running.json").write_text(said.model_dump_json(), encoding="utf-8")


def test_a_host_without_a_sign_for_long_looks_dead(
    small_study: Path, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = Store(tmp_path / "results" / "stages")
    first, second, *_ = make_plan(read_study(small_study))
    silent(store, first, 600)
    silent(store, second, 20)
    out = command("status", str(small_study))[1]
    (line,) = (line for line in out.splitlines() if "looks dead" in line)
    assert line.startswith(first.family) and "10 min ago: looks dead" in line
    told = json.loads(command("status", str(small_study), "--json")[1])
    assert [one["stale"] for one in told["running"]] == [True, False]


def test_a_process_that_runs_a_stage_goes_on_giving_signs(
    small_study: Path, tmp_path: Path
) -> None:
    store = Store(tmp_path / "stages")
    stage = make_plan(read_study(small_study)).stages[0]
    with tell_running(stage, store, beat=0.05):
        (before,) = running(store)
        deadline = time.monotonic() + 30
        while (after := running(store)[0]).told == before.told:
            assert time.monotonic() < deadline
            time.sleep(0.02)
    assert (after.since, after.epoch) == (before.since, before.epoch)


def test_status_says_what_waits_for_which_and_what_is_held_back(
    small_study: Path, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = Store(tmp_path / "results" / "stages")
    both = ("--set", "readings=[finetune]", "--set", "seeds=1", "--set", "arms=[single, pairs]")
    plan = make_plan(read_study(small_study, both[1::2]))
    parent = next(stage for stage in plan if len(stage.tasks) == 2)
    children = {stage.family for stage in plan if parent in stage.parents}
    assert len(children) == 2
    words = ("status", str(small_study), *both)
    told = json.loads(command(*words, "--json")[1])
    behind = {stage for stage, parents in told["waiting"].items() if parents == [parent.family]}
    assert behind == children
    (line,) = (s for s in command(*words)[1].splitlines() if s.startswith(parent.family))
    assert line.split() == [parent.family, "missing", "2"]
    store.fail(parent, "ValueError: it fell\n")
    (line,) = (s for s in command(*words)[1].splitlines() if s.startswith(parent.family))
    assert line.split() == [parent.family, "failed", "2"]
    status_ = study_status(plan, store)
    labels = stage_labels(plan)
    assert {labels[stage] for stage in status_.held_back} == children
    assert not status_.is_over
    for stage in plan:
        if labels[stage.id] not in children:
            store.fail(stage, "ValueError: it fell\n")
    assert study_status(plan, store).is_over


def test_the_time_left_is_never_less_than_the_longest_chain(
    small_study: Path, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    one = ("--set", "seeds=1", "--set", "arms=[single]", "--set", "readings=[finetune]")
    assert command("run", str(small_study), *one, "--executor=in-process", "-q")[0] == 0
    few = ("--set", "readings=[finetune]", "--set", "seeds=1", "--set", "arms=[single, pairs]")
    plan, store = make_plan(read_study(small_study, few[1::2])), Store(Path("results/stages"))
    pairs = [stage for stage in plan if not store.is_done(stage)]
    alone = study_status(plan, store)
    assert alone.seconds_left is not None and alone.left is not None
    assert alone.left.core == pytest.approx(alone.seconds_left / 3600)
    assert alone.spent.core == pytest.approx(
        sum(store.record(s).provenance.wall_seconds for s in plan if store.is_done(s)) / 3600
    )
    (node,) = alone.nodes.values()
    assert (node.done, node.running) == (len(plan) - len(pairs), 0)
    parents = [stage for stage in pairs if not stage.parents]
    with ExitStack() as stack:
        for stage in parents:
            stack.enter_context(tell_running(stage, store))
        several = study_status(plan, store)
    cost = SecondsEstimate(plan, store).seconds
    longest = max(cost(s.parents[0]) + cost(s) for s in pairs if s.parents)
    assert several.seconds_left is not None
    assert longest - 1 <= several.seconds_left < alone.seconds_left
    assert next(iter(several.nodes.values())).running == len(parents)


def test_a_study_is_known_to_who_sees_the_store_alone(
    small_study: Path, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for split in ("train", "dev", "test"):
        rows = "".join(f"{n}\ta herb {n}\t{'herb' if n % 2 else 'beast'}\n" for n in range(12))
        (corpus / f"{split}.tsv").write_text(f"index\ttext\tlabel\n{rows}", encoding="utf-8")
    study = tmp_path / "filed.yaml"
    study.write_text(
        """\
name: filed
encoder: {name: tiny, tiny: {hidden_size: 16, layers: 1, heads: 2}}
tasks:
  - name: found
    kind: classification
    labels: [herb, beast]
    source: {format: tsv, folder: corpus, columns: {id: index, text: text, label: label}}
arms: [single]
seeds: 1
refine: {epochs: 1, precision: float32}
""",
        encoding="utf-8",
    )
    assert command("run", str(study), "--executor=in-process", "-q")[0] in (0, 1)
    before = json.loads(command("status", str(study), "--json")[1])
    shutil.rmtree(corpus)
    shutil.copytree("results/stages", tmp_path / "elsewhere")
    there = ("--store", str(tmp_path / "elsewhere"), "--results", str(tmp_path / "nothing"))
    code, out, err = command("status", str(study), "--json", *there)
    assert (code, err) == (0, "")
    after = json.loads(out)
    assert {**after, "now": ""} == {**before, "now": ""}
    assert str(tmp_path) not in out


def keys_of(said: Any, at: str = "") -> set[str]:
    """The keys of an object and of what is in it, by the way there; those of maps are not told."""
    if isinstance(said, list):
        return set().union(*(keys_of(one, f"{at}[]") for one in said))
    if not isinstance(said, dict):
        return set()
    if at in ("stages", "waiting"):
        return set()
    found = {f"{at}.{key}".lstrip(".") for key in said}
    return found.union(*(keys_of(inner, f"{at}.{key}".lstrip(".")) for key, inner in said.items()))


def test_every_key_of_the_json_is_documented(
    small_study: Path, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = Store(tmp_path / "results" / "stages")
    running_, failed, *_ = make_plan(read_study(small_study))
    store.fail(failed, "ValueError: it fell\n")
    with tell_running(running_, store):
        told = json.loads(command("status", str(small_study), "--json")[1])
    left = {"device_hours.left.core", "device_hours.left.gpu"}  # null here
    page = (Path(__file__).parents[1] / "docs" / "watch.md").read_text(encoding="utf-8")
    documented = {
        key
        for row in re.findall(r"^\| (`.*?) \|", page, re.M)
        for key in re.findall("`(.*?)`", row)
    }
    assert keys_of(told) | left <= documented
    assert {key for key in documented if "." in key} <= keys_of(told) | left


def test_status_shows_the_log_of_a_stage(
    small_study: Path, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    few = ("--set", "arms=[single]", "--set", "seeds=1")
    assert command("run", str(small_study), *few, "--executor=in-process", "-q")[0] == 0
    label = "refine-entities-s0"
    code, out, _ = command("status", str(small_study), *few, "--log", label)
    assert code == 0
    events = [line.split("  ")[2] for line in out.splitlines()]
    assert events == ["begins", "epoch", "epoch", "done"]
    assert "loss entities 1." in out
    told = json.loads(command("status", str(small_study), *few, "--log", label, "--json")[1])
    assert [line["event"] for line in told["log"]] == events
    assert set(told["log"][1]["dev"]) == {"entities"}
    code, _, err = command("status", str(small_study), *few, "--log", "refine-entites-s0")
    assert code == 2
    assert "did you mean refine-entities-s0" in err
    assert command("status", str(small_study), *few, "--log", label, "--watch")[0] == 2


def test_a_watched_study_that_goes_to_a_pipe_is_a_line_a_change(
    small_study: Path, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(terminal_status, "_PAUSE", 0.0)
    store = Store(tmp_path / "results" / "stages")
    few = ("--set", "arms=[single]", "--set", "seeds=1")
    plan = make_plan(read_study(small_study, few[1::2]))
    looks = 0

    def look(plan_: Plan, store_: Store) -> Status:
        nonlocal looks
        looks += 1
        if looks % 3 == 0:  # so that most looks find nothing new
            store.fail(plan.stages[looks // 3 - 1], "ValueError: it fell\n")
        return study_status(plan_, store_)

    monkeypatch.setattr("transfer_study.session.status.study_status", look)
    code, out, err = command("status", str(small_study), *few, "--watch")
    assert code == 0
    lines = [line for line in out.splitlines() if re.match(r"\d\d:\d\d:\d\d  small: ", line)]
    assert [line.split(", ")[3][:8] for line in lines] == [f"{n} failed" for n in range(4)]
    assert looks == 9
    assert err.count("failed: ") == 3
    assert "\x1b" not in out


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_watched_study_is_shown_in_place_until_ctrl_c(small_study: Path, tmp_path: Path) -> None:
    words = ["-m", "transfer_study", "status", str(small_study), "--watch"]
    store = Store(tmp_path / "results" / "stages")
    stage = make_plan(read_study(small_study)).stages[0]
    screen = pyte.Screen(100, 30)
    stream = pyte.ByteStream(screen)
    with tell_running(stage, store) as attempt:
        watched = pexpect.spawn(
            sys.executable, words, cwd=str(tmp_path), dimensions=(30, 100), timeout=60
        )

        def shown(text: str) -> bool:
            with suppress(pexpect.TIMEOUT):
                stream.feed(watched.read_nonblocking(1 << 16, timeout=0.5))
            return text in "\n".join(screen.display)

        for text in (" 0/2 ", " 1/2 "):
            deadline = time.monotonic() + 60
            while not shown(text):
                assert time.monotonic() < deadline, screen.display
            attempt.tell(1)
        assert "\n".join(screen.display).count("stages done") == 1  # in place
        watched.sendintr()
        deadline = time.monotonic() + 60
        while watched.isalive():
            assert time.monotonic() < deadline
            with suppress(pexpect.TIMEOUT, pexpect.EOF):
                stream.feed(watched.read_nonblocking(1 << 16, timeout=0.5))
    watched.close()
    assert watched.exitstatus == 0
    assert not [line for line in screen.display if "Traceback" in line or "Interrupt" in line]


def test_version(command: Command) -> None:
    code, out, err = command("--version")
    assert (code, err) == (0, "")
    assert out.startswith("transfer-study ")
    assert len(out.split()) >= 2
