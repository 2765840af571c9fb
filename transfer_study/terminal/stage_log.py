"""The last lines of a stage's log, on a terminal and as JSON."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from transfer_study.errors import StudyError
from transfer_study.store.runs.stage_log import RUNS, StageLog
from transfer_study.store.store import Store
from transfer_study.study.plan import Plan
from transfer_study.study.stage_labels import stage_labels
from transfer_study.terminal.console import print_json, stdout

_LINES = 20
_TOLD_APART = ("time", "event", "host", "process", "attempt", "message")


def print_stage_log(plan: Plan, store: Store, asked: str, *, as_json: bool) -> None:
    """Print what was last said of a stage, given by its label, name or id, or of `runs`."""
    said = StageLog(store, _name(plan, asked)).last(_LINES)
    if as_json:
        print_json({"study": plan.study.name, "log": said})
        return
    console = stdout()
    if not said:
        console.print(f"Nothing was said of {asked} yet.")
    for line in said:
        console.print(_line(line), soft_wrap=True)


def _name(plan: Plan, asked: str) -> str:
    """The name of a stage's log; raises StudyError for a stage that the study has not."""
    if asked == RUNS:
        return RUNS
    labels = stage_labels(plan)
    for stage in plan:
        if asked in (labels[stage.id], stage.name, stage.id):
            return stage.name
    near = get_close_matches(asked, labels.values(), n=3)
    meant = f"; did you mean {' or '.join(near)}?" if near else ""
    raise StudyError(
        f"--log: {plan.study.name} has no stage {asked!r}{meant} Give a stage as `status` and "
        "`plan` name it, its folder's name or its id, or `runs`"
    )


def _line(said: dict[str, Any]) -> str:
    more = {key: value for key, value in said.items() if key not in _TOLD_APART}
    words = [said["message"]] if "message" in said else []
    words += [f"{key} {_value(value)}" for key, value in more.items()]
    where = f"{said.get('host', '?')} {said.get('process', '')} {said.get('attempt', '')}".strip()
    return f"{said['time']}  {where}  {said['event']}  {'  '.join(map(str, words))}".rstrip()


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{key} {inner}" for key, inner in value.items())
    return str(value)
