"""A stage is there whole or not at all, whatever happens to whoever writes it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from transfer_study.errors import StoreError
from transfer_study.execute.executor import Todo
from transfer_study.execute.progress import Progress
from transfer_study.session.places import Places
from transfer_study.session.run import Session, execute
from transfer_study.store.runs.attempts import is_abandoned, this_host
from transfer_study.store.storage.file_system import FileSystem
from transfer_study.store.store import Store
from transfer_study.study.plan import Plan
from transfer_study.study.stage import Stage

FILES = ("history.jsonl", "predictions/nli.dev.parquet", "predictions/nli.test.parquet")


class Crash(BaseException):
    """The process is gone: nobody catches this."""


def fill(attempt: Path, text: str = "first") -> None:
    for file in FILES:
        path = attempt / file
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{file} {text}\n" * 50)


def commit(store: Store, stage: Stage, text: str = "first") -> bool:
    with store.attempt(stage) as attempt:
        fill(attempt, text)
        return store.commit(stage, attempt)


def commit_model(store: Store, stage: Stage, text: str = "first") -> bool:
    with store.attempt(stage) as attempt:
        (attempt / "model.safetensors").write_text(text)
        return store.commit_model(stage, attempt)


def texts(store: Store, stage: Stage) -> set[str]:
    """Whose words the stage's files hold, every one of them checked."""
    assert store.files(stage) == FILES
    return {store.read(stage, file).decode().split()[-1] for file in FILES}


def attempts(store: Store) -> list[str]:
    return sorted(path.name for path in (store.root / "attempts").iterdir())


def tree(root: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


# Written once


def test_a_stage_exists_from_its_commit_on(store: Store, stage: Stage) -> None:
    with store.attempt(stage) as attempt:
        fill(attempt)
        assert not store.is_done(stage)
        with pytest.raises(StoreError, match="is not complete; run it"):
            store.read(stage, FILES[0])
        assert store.commit(stage, attempt)
        assert store.is_done(stage)
    assert texts(store, stage) == {"first"}
    assert attempts(store) == []
    assert Store(store.root).is_done(stage)


def test_what_is_committed_never_changes(store: Store, stage: Stage) -> None:
    assert commit(store, stage)
    before = tree(store.folder(stage))
    assert not commit(store, stage, "second")
    assert tree(store.folder(stage)) == before
    assert attempts(store) == []


def test_of_many_at_once_one_is_first_and_stands_whole(store: Store, made_plan: Plan) -> None:
    with ThreadPoolExecutor(8) as pool:
        for stage in made_plan.stages[:6]:
            names = [f"writer{n}" for n in range(8)]
            first = list(pool.map(lambda name, s=stage: commit(store, s, name), names))
            assert sum(first) == 1
            assert texts(store, stage) == {names[first.index(True)]}
    assert attempts(store) == []


def test_an_attempt_that_is_given_up_leaves_nothing(store: Store, stage: Stage) -> None:
    with pytest.raises(KeyboardInterrupt), store.attempt(stage) as attempt:
        fill(attempt)
        raise KeyboardInterrupt
    assert attempts(store) == []
    assert not store.is_done(stage)


def test_the_store_is_where_it_is_however_it_is_named(
    store: Store, stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(store, stage)
    (tmp_path / "link").symlink_to(store.root)
    monkeypatch.chdir(tmp_path)
    for name in ("store", "link", "./store/../link"):
        assert texts(Store(Path(name)), stage) == {"first"}


# Crashes

OPERATIONS: list[tuple[Any, str]] = [
    (os, "fsync"),
    (os, "open"),
    (os, "mkdir"),
    (os, "rename"),
    (Path, "write_text"),
]


@pytest.mark.parametrize("fault", [OSError, Crash], ids=["full disk", "crash"])
@pytest.mark.parametrize("publish", [commit, commit_model])
def test_a_fault_at_any_operation_leaves_a_stage_whole_or_absent(
    tmp_path: Path,
    stage: Stage,
    fault: type[BaseException],
    publish: Callable[[Store, Stage, str], bool],
) -> None:
    done: list[bool] = []
    for limit in count():
        store = Store(tmp_path / str(limit))
        faults = _fail_at(store, stage, limit, fault, publish)
        there = store.is_done(stage) if publish is commit else store.has_model(stage)
        done.append(there)
        # Whoever comes next completes the stage, or finds it complete.
        assert publish(store, stage, "second") != there
        expected = "first" if there else "second"
        if publish is commit:
            assert texts(store, stage) == {expected}
        else:
            assert (store.checked_model(stage) / "model.safetensors").read_text() == expected
        if not faults:
            break
    if fault is Crash:
        assert done == sorted(done)  # absent up to one operation, there from it on
    assert done[-1]
    assert done.count(False) > 6


def _fail_at(
    store: Store,
    stage: Stage,
    limit: int,
    fault: type[BaseException],
    publish: Callable[[Store, Stage, str], bool],
) -> int:
    """Publish, with the operation of this number failing; how many failed."""
    calls, faults = count(), 0

    def failing(real: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            nonlocal faults
            if next(calls) == limit:
                faults += 1
                raise fault("injected")
            return real(*args, **kwargs)

        return wrapper

    with pytest.MonkeyPatch.context() as patch:
        for owner, name in OPERATIONS:
            patch.setattr(owner, name, failing(getattr(owner, name)))
        patch.setattr(shutil, "rmtree", lambda *_, **__: None)  # the dead clear nothing away
        try:
            publish(store, stage, "first")
        except fault:
            assert faults
    return faults


WRITER = """
import sys
from pathlib import Path
from transfer_study.store.runs.attempts import this_host
from transfer_study.store.store import Store
from transfer_study.study.stage import Stage

store = Store(Path(sys.argv[1]))
stage = Stage.model_validate_json(sys.stdin.read())
for seed in range(100_000):
    later = stage.model_copy(update={"seed": seed})
    with store.attempt(later) as attempt:
        for n in range(4):
            (attempt / f"{n}.txt").write_text(f"{seed} {n} " * 5000)
        store.commit(later, attempt)
"""


def test_a_killed_writer_leaves_only_whole_stages(store: Store, stage: Stage) -> None:
    def numbered(seed: int) -> Stage:
        return Stage.model_validate({**stage.model_dump(), "seed": seed})

    for death in range(5):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(store.root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        ) as writer:
            assert writer.stdin is not None
            writer.stdin.write(stage.model_dump_json())
            writer.stdin.close()
            while not store.is_done(numbered(3 * death)):
                assert writer.poll() is None
                time.sleep(0.001)
            time.sleep(0.003 * death)
            writer.send_signal(signal.SIGKILL)
        committed = len(list((store.root / "stages").iterdir()))
        assert committed > 3 * death
        for seed in range(committed):  # in order: none is missing before the last
            assert store.files(numbered(seed)) == ("0.txt", "1.txt", "2.txt", "3.txt")
            for n in range(4):
                assert store.read(numbered(seed), f"{n}.txt").decode() == f"{seed} {n} " * 5000
        store.sweep()
        assert attempts(store) == []


# Damage

DAMAGE: dict[str, Callable[[Path], object]] = {
    "a byte": lambda path: path.write_bytes(b"X" + path.read_bytes()[1:]),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"\n"),
    "empty": lambda path: path.write_bytes(b""),
    "gone": lambda path: path.unlink(),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_file_is_never_read(
    store: Store, stage: Stage, damage: Callable[[Path], object]
) -> None:
    commit(store, stage)
    commit_model(store, stage)
    damage(store.folder(stage) / FILES[1])
    damage(store.root / "models" / stage.name / "model.safetensors")
    with pytest.raises(StoreError, match=r"nli\.dev\.parquet is missing or not what was committed"):
        store.read(stage, FILES[1])
    with pytest.raises(StoreError, match="safetensors is missing or not what was committed"):
        store.checked_model(stage)
    assert store.read(stage, FILES[0])  # the others are as good as before


RECORDS: dict[str, Callable[[dict[str, Any]], object]] = {
    "no number": lambda r: r.update(schema="one"),
    "another schema": lambda r: r.update(schema=2),
    "another stage": lambda r: r.update(stage="0123456789abcdef"),
    "no stage": lambda r: r.pop("stage"),
    "no files": lambda r: r.pop("files"),
    "a list of files": lambda r: r.update(files=list(r["files"])),
    "no hash": lambda r: r["files"][FILES[0]].pop("sha256"),
    "a hash too many": lambda r: r["files"].update({FILES[0]: "0" * 64}),
    "null": lambda r: r.update(files=None),
}


@pytest.mark.parametrize("change", RECORDS.values(), ids=RECORDS)
def test_a_damaged_record_is_not_believed(
    store: Store, stage: Stage, change: Callable[[dict[str, Any]], object]
) -> None:
    commit(store, stage)
    path = store.folder(stage) / "result.json"
    record = json.loads(path.read_bytes())
    change(record)
    path.write_text(json.dumps(record))
    with pytest.raises(StoreError, match=r"result\.json is damaged; remove the folder"):
        store.read(stage, FILES[0])


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"schema": 1}'])
def test_a_record_that_is_none_is_not_believed(store: Store, stage: Stage, content: bytes) -> None:
    commit(store, stage)
    (store.folder(stage) / "result.json").write_bytes(content)
    with pytest.raises(StoreError, match=r"result\.json is damaged"):
        store.files(stage)


def test_a_stage_copied_to_anothers_place_is_not_believed(store: Store, made_plan: Plan) -> None:
    first, second = made_plan.stages[:2]
    commit(store, first)
    shutil.copytree(store.folder(first), store.folder(second))
    with pytest.raises(StoreError, match="is damaged"):
        store.read(second, FILES[0])


def test_no_path_leaves_the_stage(store: Store, stage: Stage, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    with store.attempt(stage) as attempt:
        fill(attempt)
        (attempt / "link.txt").symlink_to(secret)
        store.commit(stage, attempt)
    path = store.folder(stage) / "result.json"
    record = json.loads(path.read_bytes())
    for file in ("link.txt", "result.json", "../x", "", "."):
        with pytest.raises(StoreError, match="on record"):
            store.read(stage, file)
    for outside in ("../../../secret.txt", str(secret)):
        files = {**record["files"], outside: record["files"]["link.txt"]}
        path.write_text(json.dumps({**record, "files": files}))
        with pytest.raises(StoreError, match="is damaged"):
            store.read(stage, outside)


def test_files_in_the_way_are_told_and_never_replaced(store: Store, stage: Stage) -> None:
    commit(store, stage)
    (store.folder(stage) / "result.json").unlink()
    before = tree(store.root)
    with pytest.raises(StoreError, match=r"no result\.json, so it counts for nothing; remove it"):
        store.check_free(stage)
    with pytest.raises(StoreError, match="remove it"):
        commit(store, stage, "second")
    assert tree(store.root) == before
    shutil.rmtree(store.folder(stage))
    store.folder(stage).mkdir()  # an empty folder holds nothing that could be lost
    store.check_free(stage)
    assert commit(store, stage, "second")
    store.check_free(stage)


# Attempts, failures, models


def test_sweeping_takes_only_the_dead_of_this_host(store: Store, stage: Stage) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    host = this_host()
    left = {
        "ours": f"{stage.name}@{host}@{os.getpid()}@0123abcd",
        "init": f"{stage.name}@{host}@1@0123abcd",
        "elsewhere": f"{stage.name}@another-{host}@{dead.pid}@0123abcd",
        # Of a container on the same machine, say, whose processes are not seen from here.
        "apart": f"{stage.name}@{socket.gethostname()}~00000000@{dead.pid}@0123abcd",
        "foreign": ".DS_Store",
        "odd": f"@{host}@x@",
    }
    for name in (*left.values(), f"{stage.name}@{host}@{dead.pid}@0123abcd"):
        (store.root / "attempts" / name).mkdir(parents=True)
        fill(store.root / "attempts" / name)
    store.sweep()
    assert attempts(store) == sorted(left.values())


class Interrupted(FileSystem):
    """A disk whose user interrupts the process where a folder is removed for the first time."""

    def __init__(self) -> None:
        self.yet = False

    def remove_folder(self, folder: Path) -> None:
        if not self.yet:
            self.yet = True
            raise KeyboardInterrupt
        super().remove_folder(folder)


def test_an_attempt_is_over_where_an_interrupt_left_it(tmp_path: Path, stage: Stage) -> None:
    store = Store(tmp_path, disk=Interrupted())
    with pytest.raises(KeyboardInterrupt), store.attempt(stage) as left:
        store.tell(left, "said.json", b"{}")
    with store.attempt(stage) as goes_on:
        store.tell(goes_on, "said.json", b"goes on")
        assert attempts(store) == sorted([left.name, goes_on.name])
        # Whoever waits for it would wait for as long as this process lives, such as a notebook's.
        assert is_abandoned(left.name)
        assert list(store.told_by_all("said.json")) == [b"goes on"]
        store.sweep()
        assert attempts(store) == [goes_on.name]


def test_a_run_leaves_no_attempt_though_it_is_interrupted_as_it_tidies(
    tmp_path: Path, made_plan: Plan
) -> None:
    class Interrupts:
        def run(self, todo: Todo, store: Store, progress: Progress) -> None:
            store.disk = Interrupted()
            with store.attempt(todo.plan.stages[0]):
                pass

    places = Places(tmp_path / "stages", tmp_path / "results", tmp_path / "plots")
    with pytest.raises(KeyboardInterrupt):
        execute(made_plan, Session(places, Interrupts()))
    assert not list((tmp_path / "stages" / "attempts").iterdir())


def test_there_may_be_nothing_to_sweep(store: Store) -> None:
    store.sweep()
    assert not store.root.exists()


def test_a_failure_is_kept_until_the_stage_succeeds(store: Store, made_plan: Plan) -> None:
    stage, other = made_plan.stages[:2]
    assert store.failure(stage) is None
    store.fail(stage, "Traceback: one")
    log = store.fail(stage, "Traceback: two ∆")
    assert store.failure(stage) == log
    assert log.read_text(encoding="utf-8") == "Traceback: two ∆"
    assert store.failure(other) is None
    commit(store, stage)
    assert store.failure(stage) is None
    assert not log.exists()


def test_weights_are_committed_by_themselves(store: Store, stage: Stage) -> None:
    assert commit_model(store, stage)
    assert store.has_model(stage)
    assert not store.is_done(stage)
    assert commit(store, stage)
    assert not commit_model(store, stage, "second")
    assert (store.checked_model(stage) / "model.safetensors").read_text() == "first"
    shutil.rmtree(store.root / "models" / stage.name)
    assert store.is_done(stage)
    with pytest.raises(StoreError, match=r"holds no model\.json"):
        store.checked_model(stage)


def record_of(stage: Stage, **changes: Any) -> str:
    """A stage's own word, or what somebody made of it."""
    provenance = {"versions": {}, "device": "cpu", "wall_seconds": 1.5}
    return json.dumps(
        {
            "id": stage.id,
            "family": stage.family,
            "pre_image": stage.pre_image,
            "selected_epoch": {f"{member.task.name} once": 1 for member in stage.tasks},
            "handed_on_epoch": 1,
            "provenance": provenance | changes.pop("provenance", {}),
            **changes,
        }
    )


def commit_record(store: Store, stage: Stage, text: str) -> None:
    with store.attempt(stage) as attempt:
        (attempt / "stage.json").write_text(text)
        store.commit(stage, attempt)


def test_records_are_those_of_readable_stages(store: Store, made_plan: Plan) -> None:
    stage, other = made_plan.stages[:2]
    recipes = [stage.recipe.model_copy(update={"epochs": n}) for n in (2, 3)]
    older, broken = (
        Stage.model_validate(stage.model_copy(update={"recipe": r, "parents": ()}).model_dump())
        for r in recipes
    )
    for s in (stage, other, older):
        commit_record(store, s, record_of(s))
    commit_record(store, broken, "{")
    found = list(store.records())
    assert {record.id for record in found} == {stage.id, older.id, other.id}
    assert {r.id for r in found if r.family == stage.family} >= {stage.id}


UNSOUND = {
    "a list": "[]",
    "deeply nested": "[" * 100_000,
    "nested in an object": '{"id":' * 100_000,
    "no JSON": "\x00",
    "seconds that are no number": {"provenance": {"wall_seconds": "long"}},
    "endless seconds": '{"provenance": {"wall_seconds": 1e999}}',
    "negative seconds": {"provenance": {"wall_seconds": -1}},
    "memory in words": {"provenance": {"peak_memory_bytes": "much"}},
    "versions in a list": {"provenance": {"versions": []}},
    "no provenance": {"provenance": None},
    "epochs in words": {"selected_epoch": {"nli": "last"}},
    "another stage's": {"id": "0123456789abcdef"},
}


@pytest.mark.parametrize("said", UNSOUND.values(), ids=UNSOUND)
def test_what_a_stage_cannot_have_said_is_told(
    store: Store, stage: Stage, said: str | dict[str, Any]
) -> None:
    if isinstance(said, dict) and said.get("provenance", {}) is None:
        text = record_of(stage).replace('"provenance"', '"nothing"')
    else:
        text = said if isinstance(said, str) else record_of(stage, **said)
    commit_record(store, stage, text)
    with pytest.raises(StoreError, match=r"stage\.json is not .* run the stage again"):
        store.record(stage)
    assert not list(store.records())


def test_a_pre_image_that_its_id_is_not_the_hash_of_counts_for_nothing(
    store: Store, stage: Stage
) -> None:
    commit_record(store, stage, record_of(stage, pre_image={"tasks": [], "recipe": {}}))
    assert not list(store.records())


@pytest.mark.parametrize("file", ["stage.json", "result.json"])
@pytest.mark.timeout(60)
def test_pipes_and_devices_are_never_opened(store: Store, stage: Stage, file: str) -> None:
    commit_record(store, stage, record_of(stage))
    path = store.folder(stage) / file
    for put in (os.mkfifo, lambda path: path.symlink_to("/dev/zero"), Path.mkdir):
        path.rmdir() if path.is_dir() else path.unlink()
        put(path)
        with pytest.raises(StoreError, match=r"run (the stage )?again"):
            store.record(stage) if file == "stage.json" else store.check_free(stage)
        if file == "stage.json":
            assert not list(store.records())
