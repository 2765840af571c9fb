"""What Tune gets of ours holds nothing that it could carry away or fail to pickle."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from transfer_study.execute.cluster.stage_job import Job, Work
from transfer_study.execute.program import Program
from transfer_study.execute.resources import Resources

# Ray has the process of which it is a part to itself: settings, handlers, warnings.
MADE_UP = """\
import sys
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from transfer_study.execute import schedule
from transfer_study.execute.cluster import stage_driver
from transfer_study.execute.cluster.stage_job import Job
from transfer_study.execute.cluster.machines import Machines
from transfer_study.store.runs.leases import Leases
from transfer_study.store.store import Store

schedule.FIRST_PAUSE = 0.0
job, folder = Job.model_validate_json(sys.argv[1]), Path(sys.argv[2])
(folder / "attempts" / "run").mkdir(parents=True)
leases = Leases(Store(folder), folder / "attempts" / "run", patience=60.0)

def made_up(tell, names):
    found = stage_driver._StageSearcher(job, tell, Machines(lambda: names), leases, Event())
    found._stage = found._shared.stage_of = lambda identity: SimpleNamespace(name=identity)
    return found

"""
CODE = (
    MADE_UP
    + """\
import pickle
import threading
from ray import cloudpickle, tune

class Tell:
    def __init__(self):
        self.kept = threading.RLock()
    def __call__(self, event):
        pass

tell = Tell()
searcher = made_up(tell, {})
callback = stage_driver._Callback(searcher, tell)
try:
    cloudpickle.dumps(tell)
except TypeError:
    pass
else:
    raise AssertionError("a lock was pickled")
assert pickle.loads(cloudpickle.dumps([searcher, callback])) == ["_StageSearcher", "_Callback"]
tuner = tune.Tuner(
    stage_driver.trainable(stage_driver.Worker(None, 0.0, None, 0.0, True)),
    tune_config=tune.TuneConfig(search_alg=searcher),
    run_config=tune.RunConfig(name="stages", storage_path=str(folder), callbacks=[callback]),
)
written = Path(folder, "stages", "tuner.pkl").read_bytes()
assert b"_StageSearcher" in written and b"_Callback" in written
assert job.works[0].stage.encode() not in written
"""
)

HELD_BACK = (
    MADE_UP
    + """\
told = []
searcher = made_up(lambda event: told.append((event.is_, event.stage)), {"m": "here"})
searcher._has_arrived = lambda work: True
for trial, stage in (("1", "one"), ("2", "two")):
    assert searcher.suggest(trial)["stage"] == stage
assert searcher.suggest("3") is None  # all others must wait
searcher.on_trial_complete(
    "1", {"error": "it fell", "log": "error.txt", "of_machine": True, "machine": "m"}
)
assert searcher.suggest("3") is None  # what runs may have to run again
searcher.on_trial_complete("2", {"finished": True, "machine": "m"})
assert searcher.suggest("3") == "FINISHED"
assert told == [("failed", "one"), ("finished", "two")]
"""
)

ELSEWHERE = (
    MADE_UP
    + """\
told = []
names = {"a": "anna", "b": "bert"}
searcher = made_up(lambda event: told.append((event.is_, event.stage, event.message)), names)
no_file = {"error": "no file", "log": "error.txt", "of_machine": True}
searcher._has_arrived = lambda work: True
assert searcher.suggest("1")["avoided"] == ()
searcher.on_trial_complete("1", {**no_file, "machine": "a"})
again = searcher.suggest("2")
assert (again["stage"], again["avoided"]) == ("one", ("a",))
searcher.on_trial_complete("2", {"finished": True, "machine": "b"})
assert told == [("returned", "one", "it failed on anna (no file)"), ("finished", "one", "")]
told.clear()

# What is said to be done and is nowhere is not done.
searcher._has_arrived = lambda work: False
assert searcher.suggest("3")["stage"] == "two"
searcher.on_trial_complete("3", {"finished": True, "machine": "b"})
assert searcher.stopped is None
assert [event[:2] for event in told] == [("refused", ""), ("returned", "two")]
assert told[0][2].startswith("bert said that a stage is done, of which"), told
told.clear()
assert searcher.suggest("4")["avoided"] == ("b",)
searcher.on_trial_complete("4", {"unfit": "has torch 1.0", "machine": "a"})
assert told == [("refused", "", "anna has torch 1.0")], told
assert searcher.suggest("5") == "FINISHED"
assert searcher.stopped.startswith("no machine is left that can run the stages: bert said")
"""
)


def searched(code: str, folder: Path, parents: dict[str, tuple[str, ...]]) -> None:
    """Run code in a process of its own, with a job and a folder as arguments."""
    works = tuple(
        Work(id=id_, label=id_, stage=id_, parents=of, keep_model=False, cpus=1, cost=1.0)
        for id_, of in parents.items()
    )
    job = Job(
        store=str(folder),
        resources=Resources(address="127.0.0.1:1"),
        study="made-up",
        fail_fast=False,
        keep_minutes=0.0,
        program=Program.here(),
        in_seconds=True,
        works=works,
    )
    done = subprocess.run(
        [sys.executable, "-c", code, job.model_dump_json(), str(folder)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_search_ends_where_a_teacher_fails_and_all_others_start_from_it(tmp_path: Path) -> None:
    # What is tuned from the distillation has fewer parents than the distillation itself.
    parents = {"one": (), "two": (), "tuned": ("distilled",), "distilled": ("one", "two")}
    searched(HELD_BACK, tmp_path, parents)


def test_what_fails_for_its_machine_is_tried_on_another(tmp_path: Path) -> None:
    searched(ELSEWHERE, tmp_path, {"one": (), "two": ()})


def test_what_tune_pickles_holds_names_in_place_of_our_objects(tmp_path: Path) -> None:
    searched(CODE, tmp_path, {"the stage as JSON": ()})


BUSY = """\
from transfer_study.errors import ExecutionError
from transfer_study.execute.cluster import ray_process
from transfer_study.execute.resources import Resources

def late(**options):
    raise Exception("The current node timed out during startup.")

ray_process.ray.init = late
try:
    with ray_process.started(Resources()):
        pass
except ExecutionError as error:
    print(error)
"""


def test_a_machine_that_is_too_busy_for_ray_is_told_in_a_sentence() -> None:
    done = subprocess.run(
        [sys.executable, "-c", BUSY], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout.startswith(
        "Ray cannot be started (The current node timed out during startup); where the machine is "
        "busy"
    ), done.stderr


REPORTS = """\
from transfer_study.execute.cluster import stage_worker

reports, now = [], 100.0
stage_worker.tune.report = reports.append
stage_worker.this_machine = lambda: "m"
stage_worker.time.monotonic = lambda: now
short, long = stage_worker.Reporter(), stage_worker.Reporter()
for n in (1, 2, 3):
    short.epoch({"epoch": n})
short.end(finished=True)
(all_at_once,) = reports
assert all_at_once["epochs"] == [{"epoch": n} for n in (1, 2, 3)]
assert all_at_once.items() >= {"finished": True, "machine": "m", "done": True}.items()
reports.clear()
for n in (1, 2, 3):
    now += 0.7
    long.epoch({"epoch": n})
long.end(error="it fell", log="error.txt")
assert [[epoch["epoch"] for epoch in said["epochs"]] for said in reports] == [[1, 2], [3]]
assert "done" not in reports[0]
assert reports[1] == {**reports[1], "error": "it fell", "log": "error.txt", "done": True}
"""


def test_epochs_that_take_less_than_a_second_are_reported_together(tmp_path: Path) -> None:
    searched(REPORTS, tmp_path, {})


NICE = """\
import os
from transfer_study.execute.cluster import ray_process
from transfer_study.execute.resources import Resources

with ray_process.started(Resources()):
    worker = ray_process.ray.remote(lambda: os.nice(0))
    print(os.nice(0), ray_process.ray.get(worker.remote()))
"""


def test_a_worker_has_as_much_of_the_machine_as_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-c", NICE], capture_output=True, text=True, timeout=300, check=False
    )
    ours, workers = done.stdout.split()
    assert ours == workers, done.stderr


DEATHS = (
    MADE_UP
    + """\
DIED = "The actor is dead because its worker process has died. Worker exit type: ..."
LOST = "The actor is dead because its node has died. Node Id: 0123"
told = []
searcher = made_up(lambda event: told.append((event.is_, event.message)), {"m": "here"})

def end(trial, error):
    assert searcher.suggest(trial)["stage"] == "one"
    (folder / "error.txt").write_text("Failure # 1 (occurred at ...)\\n" + error)
    searcher.trials[trial] = SimpleNamespace(error_file=str(folder / "error.txt"))
    searcher.on_trial_complete(trial, error=True)
    return told.pop()

crashed = "its worker process died (killed, out of memory, or crashed)"
assert end("1", DIED) == ("returned", crashed)
for n in range(9):  # a machine may be lost as often as it likes
    assert end(f"lost {n}", LOST) == ("returned", "its machine was lost")
assert end("taken back", "Its node was preempted.") == ("returned", "its machine was lost")
assert end("2", "Task was killed due to the node running low on memory.") == (
    "returned", "Ray ended its worker process, for its machine had hardly any memory left"
)
assert not (folder / "failures").exists()
assert end("3", DIED) == ("failed", crashed + ", 3 times in all")
# There is no traceback, and yet `status` and the report know that it failed, and why.
assert (folder / "failures" / "one" / "error.txt").read_text() == crashed + ", 3 times in all"
assert searcher.suggest("4") == "FINISHED"
"""
)


HUNG = (
    MADE_UP
    + """\
told, killed, now = [], [], 0.0
names = {"a": "anna", "b": "bert"}
searcher = made_up(lambda event: told.append((event.is_, event.message)), names)
searcher._has_arrived = lambda work: True
searcher.silences._clock = lambda: now
callback = stage_driver._Callback(searcher, searcher._tell)
machine = "a"
stage_driver.kill, stage_driver.machine_of = killed.append, lambda actor: machine

def begin(trial):
    asked = searcher.suggest(trial)
    as_tune = SimpleNamespace(trial_id=trial, temporary_state=SimpleNamespace(ray_actor=trial))
    callback.on_trial_start(0, [], as_tune)
    return asked["avoided"], as_tune

_, as_tune = begin("1")
now += 1800
callback.on_trial_result(0, [], as_tune, {"epochs": []})  # a sign
now += 1800
searcher.end_silent()
assert killed == []
now += 1
searcher.end_silent()
searcher.end_silent()
assert killed == ["1"]
told.clear()
searcher.on_trial_complete("1", error=True)
assert told == [("returned", "it gave no sign of life for 0:30:00 (h:mm:ss) on anna")], told
machine, (avoided, _) = "b", begin("2")
assert avoided == ("a",)
now += 4 * 1800
searcher.end_silent()
assert killed == ["1"]  # it may only be slow, and is given four times as long
now += 1
searcher.end_silent()
assert killed == ["1", "2"]
searcher.on_trial_complete("2", error=True)
begin("3")
now += 1e6
searcher.end_silent()
told.clear()
searcher.on_trial_complete("3", error=True)
assert told[0][0] == "failed" and "ended early 3 times in all" in told[0][1], told
assert (folder / "failures" / "one" / "error.txt").read_text() == told[0][1]
assert searcher.suggest("4") == "FINISHED"
"""
)

WITHOUT_NAMES = (
    MADE_UP
    + """\
import os
import socket
from transfer_study.execute.cluster import ray_process, stage_worker
from transfer_study.store.runs.host import host_name

told, called = [], []
node = {"NodeID": "0123456789ab", "NodeManagerHostname": "annas", "Alive": True, "Resources": {}}
ray_process.ray.nodes = lambda: [node]
stage_worker.tune.report = told.append
stage_worker.this_machine = lambda: "m"
stage_worker.at_hand = lambda *_: None
stage_worker.open_store = lambda _: None
stage_worker.Stage = SimpleNamespace(model_validate_json=lambda _: None)
stage_worker.run_stage = lambda *_, **__: called.append(host_name())
# A worker of a cluster that was there before has an environment of its own.
os.environ.pop("TRANSFER_STUDY_HOST_NAMES", None)
assert ray_process.living(0, 0) == {"0123456789ab": "annas"}
for named in (True, False):
    sign = SimpleNamespace(is_suspended=lambda _: False)
    probe = SimpleNamespace(unfit=lambda: None, store="", sign=sign)
    worker = stage_worker.Worker(probe, 0.0, None, 0.0, named)
    stage_worker._run_trial({"stage": "", "keep_model": False}, worker)
assert called[0] == socket.gethostname() != called[1]
assert called[1].startswith("host-"), called
assert ray_process.living(0, 0) == {"0123456789ab": "machine 01234567"}
"""
)


def test_a_stage_that_hangs_is_ended_and_tried_elsewhere(tmp_path: Path) -> None:
    searched(HUNG, tmp_path, {"one": ()})


def test_workers_name_no_machine_where_the_run_does_not(tmp_path: Path) -> None:
    searched(WITHOUT_NAMES, tmp_path, {})


def test_a_stage_outlives_machines_without_end_and_workers_twice(tmp_path: Path) -> None:
    searched(DEATHS, tmp_path, {"one": ()})
