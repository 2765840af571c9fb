"""How far a study has come: what is done, what runs where and since when, what waits, at what cost.

From the store alone: no corpus is read, and neither torch nor pandas is imported.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from transfer_study.errors import StoreError
from transfer_study.session.stored import failed_stages, missing
from transfer_study.store.runs.running import Running, running
from transfer_study.store.stage_record import Provenance
from transfer_study.store.store import Store
from transfer_study.study.plan import Plan
from transfer_study.study.stage import Stage

STATES = ("done", "running", "missing", "failed")


@dataclass
class DeviceHours:
    """Hours of CPU cores, and of GPUs by the shares of them that stages had."""

    core: float = 0.0
    gpu: float = 0.0

    def add(self, seconds: float, threads: int, gpu_share: float) -> None:
        """Count a stage that took so long, or takes."""
        if gpu_share:
            self.gpu += seconds * gpu_share / 3600
        else:
            self.core += seconds * threads / 3600


@dataclass
class Machine:
    """What a machine has done of a study, and does; `device` is empty until a stage is done."""

    device: str = ""
    done: int = 0
    running: int = 0
    spent: DeviceHours = field(default_factory=DeviceHours)


@dataclass(frozen=True)
class Status:
    """A study as its store is `now` (seconds since 1970).

    `states` are by id, of STATES, and `waiting` has the ids of the parents that a missing stage
    waits for. `seconds_left` is an estimate for as many stages at a time as run, else for one, and
    `left` what devices will have to do; both None until a stage like these was measured. What
    failed, and what starts from it, is not in them while others run. They are `at_most` so much
    where `patience` may end stages early. `spent` is of what is done and, so far, of what runs.
    """

    plan: Plan
    now: float
    states: Mapping[str, str]
    running: list[tuple[Stage, Running]]
    waiting: Mapping[str, tuple[str, ...]]
    held_back: frozenset[str]
    failures: list[tuple[Stage, Path]]
    nodes: Mapping[str, Machine]
    seconds_left: float | None
    left: DeviceHours | None
    at_most: bool

    @property
    def spent(self) -> DeviceHours:
        """What all machines together have spent."""
        nodes = self.nodes.values()
        return DeviceHours(sum(n.spent.core for n in nodes), sum(n.spent.gpu for n in nodes))

    @property
    def counts(self) -> Mapping[str, int]:
        """How many stages are in each state."""
        return Counter(self.states.values())

    @property
    def is_over(self) -> bool:
        """Whether nothing runs, and nothing is left but what failed or starts from that."""
        left = {stage for stage, state in self.states.items() if state in ("running", "missing")}
        return left <= self.held_back


def study_status(plan: Plan, store: Store) -> Status:
    """Look up the state of every stage of a plan."""
    stages = {stage.id: stage for stage in plan}
    now = time.time()
    runs = [(stages[one.stage], one) for one in running(store) if one.stage in stages]
    busy = {stage.id for stage, _ in runs}
    states = {
        stage.id: "done" if stage.id in plan.answered else _state(stage, store, busy)
        for stage in plan
    }
    todo = missing(plan, store)
    lost = failed_stages(plan, store) - busy
    awaited = {stage.id for stage in todo}
    taken = _taken(plan, store)
    wanted = [stage for stage in todo if not runs or stage.id not in lost]
    seconds_left, left = _left(plan, store, wanted, runs, now, taken)
    return Status(
        plan=plan,
        now=now,
        states=states,
        running=runs,
        waiting={
            stage.id: behind
            for stage in todo
            if states[stage.id] == "missing"
            and (behind := tuple(p.id for p in stage.parents if p.id in awaited))
        },
        held_back=frozenset(stage for stage in lost if states[stage] == "missing"),
        failures=[
            (stage, log) for stage in plan if stage.id not in busy and (log := store.failure(stage))
        ],
        nodes=_nodes(taken, runs),
        seconds_left=seconds_left,
        left=left,
        at_most=any(s.recipe.patience is not None for s in plan if states[s.id] != "done"),
    )


def _state(stage: Stage, store: Store, busy: Collection[str]) -> str:
    if store.is_done(stage):
        return "done"
    if stage.id in busy:
        return "running"
    return "failed" if store.failure(stage) else "missing"


def _taken(plan: Plan, store: Store) -> list[tuple[Stage, Provenance]]:
    """Where and with what each finished stage was run."""
    found = []
    for stage in filter(store.is_done, plan):
        with suppress(StoreError):  # told where its answers are read
            found.append((stage, store.record(stage).provenance))
    return found


def _usual_share(taken: Iterable[tuple[Stage, Provenance]]) -> float:
    """How much of a GPU a stage has here, 0 where most run on CPUs."""
    shares = Counter(told.gpu_share for _, told in taken)
    return shares.most_common(1)[0][0] if shares else 0.0


def _nodes(
    taken: Collection[tuple[Stage, Provenance]], runs: Iterable[tuple[Stage, Running]]
) -> Mapping[str, Machine]:
    nodes: dict[str, Machine] = defaultdict(Machine)
    for stage, told in taken:
        node = nodes[told.host]
        node.device, node.done = told.device, node.done + 1
        node.spent.add(told.wall_seconds, stage.recipe.cpu_threads, told.gpu_share)
    share = _usual_share(taken)
    for stage, one in runs:
        node = nodes[one.host]
        node.running += 1
        node.spent.add(max(one.told - one.since, 0.0), stage.recipe.cpu_threads, share)
    return dict(sorted(nodes.items()))


def _left(
    plan: Plan,
    store: Store,
    wanted: Sequence[Stage],
    runs: Iterable[tuple[Stage, Running]],
    now: float,
    taken: Collection[tuple[Stage, Provenance]],
) -> tuple[float | None, DeviceHours | None]:
    """Seconds and device-hours to go, of the stages that are wanted."""
    if not wanted:
        return 0.0, DeviceHours()
    from transfer_study.execute.cost import SecondsEstimate  # numpy is not needed before

    estimate = SecondsEstimate(plan, store)
    if not estimate.measured:
        return None, None
    # What looks dead will begin anew.
    gone = {stage.id: now - one.since for stage, one in runs if not one.is_stale(now)}
    seconds = {s.id: max(estimate.seconds(s) - gone.get(s.id, 0.0), 0.0) for s in wanted}
    hours, share = DeviceHours(), _usual_share(taken)
    chains: dict[str, float] = {}  # the longest that ends with each stage, parents first
    for stage in wanted:
        hours.add(seconds[stage.id], stage.recipe.cpu_threads, share)
        before = max((chains.get(parent.id, 0.0) for parent in stage.parents), default=0.0)
        chains[stage.id] = before + seconds[stage.id]
    return max(sum(seconds.values()) / max(len(gone), 1), *chains.values()), hours
