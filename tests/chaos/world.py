"""Machines, processes and clocks that are simulated, and stages of a toy learner on them.

What the code under test asks of time, processes and threads it asks of a `World`: `installed` puts
that in the place of the modules `time`, `threading`, `os` and `socket` where the store and the
executor use them, and the toy learner in the place of learning.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from transfer_study.execute import run_stage as run_stage_module
from transfer_study.execute import shared as shared_module
from transfer_study.execute.executor import Todo
from transfer_study.execute.in_process import InProcess
from transfer_study.execute.progress import Progress
from transfer_study.execute.suspend import Suspended
from transfer_study.store import checkpoints
from transfer_study.store import store as store_module
from transfer_study.store.runs import attempts, leases, running, signs
from transfer_study.store.runs.held import hold
from transfer_study.store.storage import bucket, in_bucket, notes
from transfer_study.store.storage.bucket import Bucket
from transfer_study.store.store import Store
from transfer_study.study.plan import Plan
from transfer_study.study.stage import Stage

ROOT = Path("/chaos/store")
EPOCHS, STEPS = 2, 3  # of a toy stage; its state is kept at the end of each epoch
TOY = EPOCHS * STEPS


class Violation(AssertionError):  # noqa: N818  (it is a finding)
    """Something that may never be was; begins with the number of what it violates."""


@dataclass(eq=False)
class Process:
    """A process of a simulated machine; `skew` is what its clocks are off by, and their rate."""

    host: str
    pid: int
    alive: bool = True
    wall: float = 0.0
    rate: float = 1.0
    since: float = 0.0
    over: set[str] = field(default_factory=set)  # its attempts that are, as it knows


@dataclass(eq=False)
class World:
    """What runs on one store, seen from outside; `now` in seconds."""

    rng: random.Random
    now: float = 0.0
    code: str = "code"  # of the toy learner
    process: Process = field(default_factory=lambda: Process("host", 1))
    processes: list[Process] = field(default_factory=list)
    steps: Counter[str] = field(default_factory=Counter)  # trained, by stage
    begun: Counter[str] = field(default_factory=Counter)
    learning: dict[str, list[Process]] = field(default_factory=dict)
    commits: Counter[tuple[str, str]] = field(default_factory=Counter)
    published: Callable[[str, str], object] = lambda *_: None
    is_visible: Callable[[str, str], bool] = lambda *_: False  # whether a part has a record
    is_disturbed: bool = False  # some are stopped for longer than a lease lasts
    failures: list[str] = field(default_factory=list)

    def start(self, host: str, **clock: float) -> Process:
        """Another process of a host, which runs from now on."""
        self.process = Process(host, 100 + len(self.processes), **clock)
        self.processes.append(self.process)
        return self.process

    def sleep(self, seconds: float) -> None:
        """Let time go by; where there are several processes, others run meanwhile."""
        self.now += seconds

    def thread(self, target: Callable[[], None]) -> None:
        """Run something beside; a single process needs no signs of life."""


here = World(random.Random(0))


def use(world: World) -> World:
    """The world that all code asks from now on."""
    global here  # noqa: PLW0603
    here = world
    return world


class _Time:
    @staticmethod
    def monotonic() -> float:
        return here.process.since + here.now * here.process.rate

    @staticmethod
    def time() -> float:
        return 1e9 + here.now + here.process.wall

    @staticmethod
    def sleep(seconds: float) -> None:
        here.sleep(seconds)


class _Event:
    def __init__(self) -> None:
        self._is_set = False

    def set(self) -> None:
        self._is_set = True

    def wait(self, seconds: float) -> bool:
        if not self._is_set:
            here.sleep(seconds)
        return self._is_set


class _Lock:
    def __init__(self) -> None:
        self._is_held = False

    def __enter__(self) -> None:
        while self._is_held:
            here.sleep(0.01)
        self._is_held = True

    def __exit__(self, *error: object) -> None:
        self._is_held = False


class _Thread:
    def __init__(self, target: Callable[..., None], daemon: bool, args: Sequence[Any] = ()) -> None:
        self._target = partial(target, *args)

    def start(self) -> None:
        here.thread(self._target)

    def is_alive(self) -> bool:
        return True

    def join(self) -> None:
        return


class _Over:
    @staticmethod
    def add(attempt: str) -> None:
        here.process.over.add(attempt)

    def __contains__(self, attempt: object) -> bool:
        return attempt in here.process.over


def _lives(pid: int) -> bool:
    return any(p.alive and p.pid == pid and p.host == here.process.host for p in here.processes)


def _uuid() -> Any:
    return SimpleNamespace(hex=f"{here.rng.getrandbits(128):032x}")


@contextmanager
def installed() -> Iterator[None]:
    """Within, the store and the executor ask the world that is in use."""
    commit, commit_model = Store.commit, Store.commit_model

    def counted(commit: Any, what: str) -> Any:
        def publish(store: Store, stage: Stage, attempt: Path) -> bool:
            was_first = bool(commit(store, stage, attempt))
            if was_first:
                here.commits[what, stage.name] += 1
                here.published(what, stage.name)
            return was_first

        return publish

    with ExitStack() as stack:
        put = lambda owner, name, value: stack.enter_context(patch.object(owner, name, value))  # noqa: E731
        for module in (leases, bucket, in_bucket, store_module, shared_module, running, signs):
            put(module, "time", _Time)
        threads = SimpleNamespace(Event=_Event, Thread=_Thread, Lock=_Lock)
        for module in (leases, running, signs):
            put(module, "threading", threads)
        put(attempts, "this_host", lambda: here.process.host)
        put(attempts, "_lives", _lives)
        put(attempts, "_over", _Over())
        for module in (attempts, running):
            put(module, "os", SimpleNamespace(getpid=lambda: here.process.pid))
        for module in (attempts, notes):
            put(module, "uuid4", _uuid)
        put(bucket, "random", SimpleNamespace(uniform=lambda low, high: high))
        put(Bucket, "at_once", staticmethod(lambda do, to: [do(one) for one in list(to)]))
        put(run_stage_module, "_run", learn)
        put(run_stage_module, "own_memory", nullcontext)
        put(Store, "commit", counted(commit, "stages"))
        put(Store, "commit_model", counted(commit_model, "models"))
        yield


# The toy learner


def learn(
    stage: Stage, store: Store, asked: Any, on_epoch: Callable[[dict[str, Any]], None]
) -> None:
    """As `run_stage._run`: begin from the parents' weights, learn, keep states, commit, drop."""
    world, process = here, here.process
    store.check_free(stage)
    for parent in stage.parents:
        for part in ("stages", "models"):
            if not world.is_visible(part, parent.name):
                raise Violation(f"I3: {stage.name} begins before {part}/{parent.name} is there")
    if not world.is_disturbed:  # else a process that was stopped may commit at any moment
        wanted = ("stages", "models") if asked.keep_model else ("stages",)
        if all(world.is_visible(part, stage.name) for part in wanted):
            raise Violation(f"I4: {stage.name} is committed and runs again")
        if any(other.alive for other in world.learning.get(stage.name, [])):
            raise Violation(f"I4: {stage.name} is run by two processes that live")
    world.begun[stage.name] += 1
    world.learning.setdefault(stage.name, []).append(process)
    try:
        _learn(stage, store, asked, on_epoch)
    finally:
        world.learning[stage.name].remove(process)


def _learn(
    stage: Stage, store: Store, asked: Any, on_epoch: Callable[[dict[str, Any]], None]
) -> None:
    world, disk = here, store.disk
    weights = f"{stage.id} {world.code}"
    for parent in stage.parents:
        store.weights(parent)
        weights = _next(weights, disk.read(store.checked_model(parent) / "weights", 999).decode())
    kept = checkpoints.Checkpoints(store, stage, sha256(world.code.encode()).hexdigest()[:8])
    done = 0
    for path in kept.newest_first():
        said = disk.read(path, 9_999).decode().split()
        done, weights = int(said[0]), said[1]
        break
    while done < TOY:
        world.sleep(1.0)
        weights = _next(weights, f"example {done}")
        world.steps[stage.name] += 1
        done += 1
        if done % STEPS == 0:
            on_epoch({"epoch": done // STEPS})
            now = state(done, weights)
            kept.keep(lambda path, now=now: disk.write(path, now))
        if asked.keeping.asked():
            raise Suspended
    with store.attempt(stage) as folder:
        disk.make_folder(folder / "predictions")
        for n, _ in enumerate(stage.tasks):
            disk.write(folder / "predictions" / f"{n}.test", answers(weights, n))
        record = {"id": stage.id, "family": stage.family, "weights": weights}
        disk.write(folder / "stage.json", json.dumps(record).encode())
        first = store.commit(stage, folder)
    if not first and json.loads(store.read(stage, "stage.json"))["weights"] != weights:
        raise Violation(f"I5: two runs of {stage.name} come to different ends")
    if asked.keep_model:
        with store.attempt(stage) as folder:
            disk.write(folder / "weights", weights.encode())
            store.commit_model(stage, folder)
    checkpoints.drop_checkpoints(store, stage)


def _next(weights: str, by: str) -> str:
    return sha256(f"{weights} {by}".encode()).hexdigest()


def state(done: int, weights: str) -> bytes:
    """How far a stage is, in more bytes than a sector has."""
    return f"{done} {weights} {'s' * 600}".encode()


def answers(weights: str, n: int) -> bytes:
    """What a stage answers for its n-th task: some more bytes than a sector has."""
    return f"{weights} {n}\n".encode() * 10


# A run


class Told(Progress):
    """Keeps what failed, for whoever looks at the end."""

    def failed(self, stage: Stage, message: str, log: Path | None) -> None:
        if "I3:" in message or "I4:" in message or "I5:" in message:
            raise Violation(message.removeprefix("Violation: "))
        here.failures.append(message)


def run(plan: Plan, store: Store) -> None:
    """What `transfer-study run` does with a store: sweep, hold, and run what is missing."""
    store.sweep()
    with hold(store, plan):
        part = plan.missing(store.is_done, store.has_model)
        if part.stages:
            todo = Todo(part, plan.parents(), keep_minutes=1)
            InProcess().run(todo, store, Told())
