"""How far a study has come, on a terminal and as JSON; once, or again and again."""

from __future__ import annotations

import math
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any

from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from transfer_study.report.tables.table import Table, label, number, table_of, text
from transfer_study.session.status import STATES, DeviceHours, Machine, Status
from transfer_study.store.runs.running import Running
from transfer_study.store.store import Store
from transfer_study.study.plan import Plan
from transfer_study.study.stage import Stage
from transfer_study.study.stage_labels import stage_labels
from transfer_study.terminal.console import headed, in_terminal, print_json, stderr, stdout, warn
from transfer_study.terminal.preview import preview_as_json, print_preview
from transfer_study.terminal.progress import duration, epochs_text, log_lines

_LISTED = 8  # stages that others wait for
_PAUSE = 2.0  # seconds until a watched study is looked at again


def print_status(status: Status, store: Store) -> None:
    """Print the counts, what runs, what waits, machines, the time to go; to stderr what failed."""
    console = stdout()
    parts = list(_view(status))
    console.print(parts[0])
    print_preview(console, status.plan.study.preview)
    for part in parts[1:]:
        console.print(part)
    print_failures(status.plan, store)


def watch_status(look: Callable[[], Status], store: Store) -> None:
    """Show a study as it goes until it is over, or until Ctrl-C; the run does not notice.

    On a terminal in place, elsewhere a line whenever a stage changes its state.
    """
    with suppress(KeyboardInterrupt):
        status = _watched_in_place(look) if sys.stdout.isatty() else _watched_in_lines(look)
        print_status(status, store)


def _watched_in_place(look: Callable[[], Status]) -> Status:
    console = stdout()
    with Live(console=console, auto_refresh=False, transient=True) as live:
        for status in _looks(look):
            leave = Text("Ctrl-C leaves; the run goes on.", style="dim")
            live.update(Group(*_view(status), leave), refresh=True)
    return status


def _watched_in_lines(look: Callable[[], Status]) -> Status:
    before: Any = None
    for status in _looks(look):
        if status.states != before:
            clock = datetime.fromtimestamp(status.now).strftime("%H:%M:%S")
            print(f"{clock}  {_headline(status).plain}  {_time_left(status)}", flush=True)
            before = status.states
    return status


def _looks(look: Callable[[], Status]) -> Iterator[Status]:
    """The study over and over, the last time when it is over; a large one more rarely."""
    while True:
        began = time.monotonic()
        yield (status := look())
        if status.is_over:
            return
        time.sleep(max(_PAUSE, 10 * (time.monotonic() - began)))


def _view(status: Status) -> Iterator[RenderableType]:
    yield _headline(status)
    if status.running:
        yield in_terminal(_running_table(status))
    if status.waiting:
        yield from _waiting(status)
    if status.nodes:
        yield in_terminal(_node_table(status))
    yield Text(_time_left(status))


def _headline(status: Status) -> Text:
    counts = status.counts
    return headed(
        status.plan.study.name,
        f": {counts['done']} of {len(status.plan)} stages done, {counts['running']} running, "
        f"{counts['missing']} missing, {counts['failed']} failed",
    )


def _running_table(status: Status) -> Table:
    labels, now = stage_labels(status.plan), status.now
    return table_of(
        status.running,
        text("running", lambda run: labels[run[0].id]),
        label("host", lambda run: run[1].host),
        label("process", lambda run: str(run[1].process)),
        label("since", lambda run: _clock(run[1].since, now)),
        label("for", lambda run: duration(now - run[1].since)),
        label("last sign", lambda run: _silence(run[1], now)),
        label("epoch", lambda run: epochs_text(run[0], run[1].epoch)),
    )


def _clock(then: float, now: float) -> str:
    """A time of day, with its day where that is another."""
    at, today = datetime.fromtimestamp(then), datetime.fromtimestamp(now)
    return f"{at:%H:%M}" if at.date() == today.date() else f"{at:%Y-%m-%d %H:%M}"


def _silence(one: Running, now: float) -> str:
    looks_dead = ": looks dead" if one.is_stale(now) else ""
    return f"{duration(one.silence(now))} ago{looks_dead}"


def _waiting(status: Status) -> Iterator[RenderableType]:
    labels = stage_labels(status.plan)
    behind = Counter(parent for parents in status.waiting.values() for parent in parents)
    shown = behind.most_common(_LISTED)
    yield in_terminal(
        table_of(
            shown,
            text("waited for", lambda one: labels[one[0]]),
            label("which", lambda one: _of_parent(one[0], status)),
            number("by stages", lambda one: str(one[1])),
        )
    )
    if len(behind) > len(shown):
        yield Text(f"... and {len(behind) - len(shown)} more (--json lists all)")


def _of_parent(parent: str, status: Status) -> str:
    if parent in status.held_back:
        return "held back by a failure"
    state = status.states[parent]
    if state == "done":
        return "done; its weights are wanted again"
    return "waits itself" if parent in status.waiting else state


def _node_table(status: Status) -> Table:
    return table_of(
        status.nodes.items(),
        text("machine", lambda node: node[0] or "?"),
        text("device", lambda node: node[1].device),
        number("done", lambda node: str(node[1].done)),
        number("running", lambda node: str(node[1].running)),
        label("spent", lambda node: _hours(node[1].spent)),
    )


def _hours(hours: DeviceHours) -> str:
    said = [(hours.gpu, "GPU")] if hours.gpu else []
    said += [(hours.core, "core")] if hours.core or not said else []
    return ", ".join(
        f"{amount:.1f} {device}-hours" if amount >= 1 else f"{60 * amount:.1f} {device}-minutes"
        for amount, device in said
    )


def _time_left(status: Status) -> str:
    n = len(status.running)
    if not n and set(status.states.values()) == {"done"}:
        return "Everything is done; `transfer-study report` writes tables and figures."
    here = "Nothing runs now" if not n else f"{n} stage{'s run' if n > 1 else ' runs'} now"
    if status.seconds_left is None or status.left is None:
        return f"{here}; how long the rest takes is unknown until a stage of it was measured."
    time_ = duration(status.seconds_left)
    about = "at most about" if status.at_most else "about"
    return (
        f"{here}; {about} {time_} left{'' if n else ' on one worker, once `run` goes on'} "
        f"({_hours(status.left)})."
    )


def status_as_json(status: Status, store: Store) -> None:
    """Print the study's status as one JSON object; `docs/watch.md` says what each key is."""
    counts, labels = status.counts, stage_labels(status.plan)
    content = {
        "study": status.plan.study.name,
        **preview_as_json(status.plan.study.preview),
        "now": _utc(status.now),
        "over": status.is_over,
        "counts": {state: counts[state] for state in STATES},
        "seconds_left": None if status.seconds_left is None else math.ceil(status.seconds_left),
        "at_most": status.at_most,
        "device_hours": {
            "spent": _hours_as_json(status.spent),
            "left": None if status.left is None else _hours_as_json(status.left),
        },
        "nodes": [{"host": name, **_machine_as_json(node)} for name, node in status.nodes.items()],
        "running": [
            {
                **_named(stage, labels),
                "host": one.host,
                "process": one.process,
                "since": _utc(one.since),
                "last_sign": _utc(one.told),
                "stale": one.is_stale(status.now),
                "epoch": one.epoch,
                "epochs": stage.recipe.epochs,
            }
            for stage, one in status.running
        ],
        "failures": [
            {
                **_named(stage, labels),
                "message": log_lines(log)[-1],
                "log": log.relative_to(store.root).as_posix(),
            }
            for stage, log in status.failures
        ],
        "waiting": {
            labels[stage]: [labels[parent] for parent in parents]
            for stage, parents in status.waiting.items()
        },
        "stages": {labels[stage.id]: status.states[stage.id] for stage in status.plan},
    }
    print_json(content)


def _named(stage: Stage, labels: dict[str, str]) -> dict[str, str]:
    return {"id": stage.id, "name": stage.name, "label": labels[stage.id]}


def _machine_as_json(machine: Machine) -> dict[str, Any]:
    of_stages = {"device": machine.device, "done": machine.done, "running": machine.running}
    return {**of_stages, "spent": _hours_as_json(machine.spent)}


def _hours_as_json(hours: DeviceHours) -> dict[str, float]:
    return {"core": round(hours.core, 4), "gpu": round(hours.gpu, 4)}


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
