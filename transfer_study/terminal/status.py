"""How far a study has come: what is done, what runs where and since when, and what failed."""

from __future__ import annotations

import socket
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timezone

from transfer_study.report.table import label, table_of, text
from transfer_study.session.stored import failed_stages, missing
from transfer_study.store.running import Running, running
from transfer_study.store.store import Store
from transfer_study.study.plan import Plan
from transfer_study.study.stage import Stage
from transfer_study.study.stage_labels import stage_labels
from transfer_study.terminal.console import headed, in_terminal, print_json, stderr, stdout, warn
from transfer_study.terminal.preview import preview_as_json, print_preview
from transfer_study.terminal.progress import duration, epochs_text, log_lines

_STATES = ("done", "running", "missing", "failed")


@dataclass(frozen=True)
class Status:
    """A study as its store is `now` (seconds since 1970).

    `states` are by id, of `_STATES`. `seconds_left` is an estimate for as many stages at a time as
    run, else for one; None until a stage of the study was measured. What failed is not in it
    while others run. It is `at_most` so long where `patience` may end stages early.
    """

    plan: Plan
    now: float
    states: dict[str, str]
    running: list[tuple[Stage, Running]]
    seconds_left: float | None
    at_most: bool


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
    at_most = any(stage.recipe.patience is not None for stage in plan if states[stage.id] != "done")
    return Status(plan, now, states, runs, _seconds_left(plan, store, now, runs), at_most)


def _state(stage: Stage, store: Store, busy: set[str]) -> str:
    if store.is_done(stage):
        return "done"
    if stage.id in busy:
        return "running"
    return "failed" if store.failure(stage) else "missing"


def _seconds_left(
    plan: Plan, store: Store, now: float, runs: list[tuple[Stage, Running]]
) -> float | None:
    began = {stage.id: one.since for stage, one in runs}
    given_up = failed_stages(plan, store) - set(began) if began else frozenset()
    todo = [stage for stage in missing(plan, store) if stage.id not in given_up]
    if not todo:
        return 0.0
    from transfer_study.execute.cost import SecondsEstimate  # numpy is not needed before

    estimate = SecondsEstimate(plan, store)
    if not estimate.measured:
        return None
    left = sum(
        max(estimate.seconds(stage) - (now - began.get(stage.id, now)), 0.0) for stage in todo
    )
    return left / max(len(began), 1)


def print_status(status: Status, store: Store) -> None:
    """Print the counts, a line a running stage, the time to go, and to stderr what failed."""
    console = stdout()
    counts = Counter(status.states.values())
    console.print(
        headed(
            status.plan.study.name,
            f": {counts['done']} of {len(status.plan)} stages done, {counts['running']} running, "
            f"{counts['missing']} missing, {counts['failed']} failed",
        )
    )
    print_preview(console, status.plan.study)
    if status.running:
        labels, now = stage_labels(status.plan), status.now
        table = table_of(
            status.running,
            text("running", lambda run: labels[run[0].id]),
            label("host", lambda run: run[1].host),
            label("process", lambda run: str(run[1].process)),
            label("since", lambda run: f"{datetime.fromtimestamp(run[1].since):%Y-%m-%d %H:%M}"),
            label("for", lambda run: duration(now - run[1].since) + _silence(run[1], now)),
            label("epoch", lambda run: epochs_text(run[0], run[1].epoch)),
        )
        console.print(in_terminal(table))
    console.print(_time_left(status))
    print_failures(status.plan, store)


def _silence(one: Running, now: float) -> str:
    """When a process of another host gave its last sign: whether it lives cannot be seen."""
    if one.host == socket.gethostname():
        return ""
    return f" (last sign {duration(now - one.told)} ago)"


def _time_left(status: Status) -> str:
    n = len(status.running)
    if not n and set(status.states.values()) == {"done"}:
        return "Everything is done; `transfer-study report` writes tables and figures."
    here = "Nothing runs now" if not n else f"{n} stage{'s run' if n > 1 else ' runs'} now"
    if status.seconds_left is None:
        return f"{here}; how long the rest takes is unknown until a stage of it was measured."
    time_ = duration(status.seconds_left)
    about = "at most about" if status.at_most else "about"
    return f"{here}; {about} {time_} left{'' if n else ' on one worker, once `run` goes on'}."


def status_as_json(status: Status, store: Store) -> None:
    """Print the state of every stage, what runs and what failed as one JSON object."""
    counts, labels = Counter(status.states.values()), stage_labels(status.plan)
    content = {
        "study": status.plan.study.name,
        **preview_as_json(status.plan.study),
        "counts": {state: counts[state] for state in _STATES},
        "seconds_left": status.seconds_left,
        "at_most": status.at_most,
        "running": [
            {
                "id": stage.id,
                "name": stage.name,
                "label": labels[stage.id],
                "host": one.host,
                "process": one.process,
                "since": _utc(one.since),
                "last_sign": _utc(one.told),
                "epoch": one.epoch,
                "epochs": stage.recipe.epochs,
            }
            for stage, one in status.running
        ],
        "failures": [
            {
                "id": stage.id,
                "name": stage.name,
                "label": labels[stage.id],
                "message": log_lines(log)[-1],
                "log": str(log),
            }
            for stage in status.plan
            if (log := store.failure(stage))
        ],
        "stages": {labels[stage.id]: status.states[stage.id] for stage in status.plan},
    }
    print_json(content)


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="seconds")


def print_failures(plan: Plan, store: Store) -> None:
    """Print to stderr how failed stages ended, where the rest is, and which lost their record."""
    console, labels = stderr(), stage_labels(plan)
    for stage in plan:
        if log := store.failure(stage):
            console.print(f"failed: {labels[stage.id]}: {log_lines(log)[-1]}", style="red")
            console.print(f"  {log}", soft_wrap=True)
        elif lost := store.lost(stage):
            warn([lost])
