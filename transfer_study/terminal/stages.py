"""The stages of a study as planned, with why each missing one will run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import yaml

from transfer_study.data.leaks.findings import Dropped
from transfer_study.execute.cost import SecondsEstimate, is_at_most
from transfer_study.report.tables.table import Table, label, number, table_of, text
from transfer_study.session.forecast import disk_forecast, forecast_looks, power
from transfer_study.session.places import Places
from transfer_study.session.reasons import reasons
from transfer_study.session.within_budget import BudgetForecast
from transfer_study.store.open_store import open_store
from transfer_study.study.looks import Looks
from transfer_study.study.pairs import count_left_out, left_out_sentence
from transfer_study.study.plan import Plan
from transfer_study.study.recipes.recipe import Precision
from transfer_study.study.stage import Stage, StageKind
from transfer_study.study.stage_labels import stage_labels
from transfer_study.study.study import Study
from transfer_study.study.tasks.task import Change
from transfer_study.terminal.budget import budget_line
from transfer_study.terminal.console import headed, in_terminal, print_json, records_of, stdout
from transfer_study.terminal.data.leaks import dropped_as_json, print_dropped
from transfer_study.terminal.disk import disk_as_json, disk_sentences
from transfer_study.terminal.looks import forecast_line, schedule_line
from transfer_study.terminal.power import print_power
from transfer_study.terminal.preview import preview_as_json, print_preview
from transfer_study.terminal.progress import duration

_LISTED = 40


def print_plan(
    plan: Plan,
    places: Places,
    pilot: Plan | None = None,
    dropped: Sequence[Dropped] = (),
    looks: Looks | None = None,
    coming: BudgetForecast | None = None,
) -> None:
    """Print the stages by kind, what sharing saves, why each missing one runs, time and disk.

    And the training rows that were dropped as leaks, and the smallest effects that the edges can
    detect, by what is stored of the plan or a pilot's; both by looks where it will be judged so.
    And what is `coming` of a run within a budget.
    """
    console, store = stdout(), open_store(places.store)
    todo = plan.missing(store.is_done, store.has_model)
    console.print(headed(plan.study.name, f": {len(plan)} stages, {len(todo)} to run"))
    print_preview(console, plan.study.preview)
    console.print(in_terminal(_by_kind(plan, todo)))
    console.print(
        f"Sharing: each answer trained by itself would take {plan.unshared} stages; "
        f"{plan.unshared - len(plan)} are saved."
    )
    if left_out := left_out_sentence(plan.study):
        console.print(left_out, soft_wrap=True)
    if plan.study.exclude_leaks:
        print_dropped(dropped)
    if looks is not None:
        console.print(schedule_line(looks), soft_wrap=True)
    print_power(console, power(plan, store, pilot, looks))
    if looks is not None:
        told = forecast_line(forecast_looks(plan, looks, places, pilot))
        console.print(told, soft_wrap=True)
    if coming is not None:
        console.print(budget_line(coming), soft_wrap=True)
    if not todo.stages:
        console.print("Everything is done; `transfer-study report` writes tables and figures.")
        return
    if warning := slow_precision(plan, todo):
        console.print(warning, style="yellow", soft_wrap=True)
    estimate = SecondsEstimate(plan, store)
    if looks is not None:
        pass  # told above
    elif estimate.measured:
        seconds = sum(map(estimate.seconds, todo))
        about = "at most about" if is_at_most(todo) else "about"
        every = " for all pairs" if coming is not None else ""
        early = ": with `patience` stages may end early" if is_at_most(todo) else ""
        console.print(
            f"Time: {about} {duration(seconds)} on one worker{every}, "
            f"by {estimate.measured} measured stages{early}.",
            soft_wrap=True,
        )
    else:
        console.print("Time: unknown until a stage of this study was measured.")
    disk = disk_forecast(plan, places)
    console.print(disk_sentences(disk), soft_wrap=True)
    if not disk.fits:
        console.print("That does not fit: `run` will refuse it until there is room.", style="red")
    labels, listed = stage_labels(plan), todo.stages[:_LISTED]
    why = reasons(listed, store)
    table = table_of(
        listed,
        label("will run", lambda stage: labels[stage.id]),
        text("why", lambda stage: why[stage.id]),
    )
    console.print(in_terminal(table))
    if len(todo) > _LISTED:
        console.print(f"... and {len(todo) - _LISTED} more (--json lists all)")


def slow_precision(plan: Plan, todo: Plan) -> str | None:
    """A warning where stages will compute in a precision that this machine only emulates."""
    emulated = [s for s in todo if s.recipe.precision is Precision.BFLOAT16]
    if plan.fingerprints.precision is Precision.BFLOAT16 or not emulated:
        return None
    keys = " and ".join(
        f"--set {kind}.precision=float32" for kind in sorted({s.kind for s in emulated})
    )
    return (
        "warning: the study names precision bfloat16, which this processor only emulates, about "
        f"15 times slower than float32; unless other machines run it, give {keys}"
    )


def _by_kind(plan: Plan, todo: Plan) -> Table:
    planned, missing = Counter(map(_kind, plan)), Counter(map(_kind, todo))
    return table_of(
        planned,
        text("stage", lambda kind: kind),
        number("planned", lambda kind: str(planned[kind])),
        number("done", lambda kind: str(planned[kind] - missing[kind])),
        number("to run", lambda kind: str(missing[kind])),
    )


def _kind(stage: Stage) -> str:
    n = len(stage.tasks)
    if stage.kind == StageKind.REFINE:
        joint = {1: "refine one task", 2: "refine a pair"}.get(n, f"refine {n} tasks")
        return _control(stage) or joint
    if stage.kind == StageKind.FINETUNE:
        start = {
            StageKind.REFINE: "a refinement",
            StageKind.FINETUNE: "another fine-tuning",
            StageKind.PRETRAIN: "the encoder",
            StageKind.SOFT: "soft sharing",
            StageKind.DISTIL: "a distillation",
        }
        (parent,) = stage.parents or (None,)
        whole = stage.tasks[0].task.transform is None
        source = start[parent.kind] if parent else "the encoder"
        if parent and _control(parent):
            source = "a control's refinement"
        return f"fine-tune {'' if whole else 'on a half '}from {source}"
    return {
        StageKind.PRETRAIN: "pretrain an encoder",
        StageKind.HEADS: "learn a head on a frozen encoder",
        StageKind.SOFT: "share softly between two tasks",
        StageKind.DISTIL: f"distil into {n} tasks",
    }[stage.kind]


def _control(stage: Stage) -> str | None:
    """What a refinement that only controls need is called; None for any other."""
    if stage.recipe.epoch_updates is not None:
        return "refine one task for a pair's updates"
    changes = [m.task.transform.change for m in stage.tasks if m.task.transform is not None]
    if not changes:
        return None
    if Change.SHUFFLED in changes:
        return "refine a pair with shuffled labels"
    return "refine a half of a task" if len(changes) == 1 else "refine two halves of a task"


def plan_as_json(
    plan: Plan,
    places: Places,
    pilot: Plan | None = None,
    dropped: Sequence[Dropped] = (),
    looks: Looks | None = None,
    coming: BudgetForecast | None = None,
) -> None:
    """Print every stage with its state and reason, and every edge's power, as one JSON object.

    And what was dropped as leaks.
    """
    store = open_store(places.store)
    todo = plan.missing(store.is_done, store.has_model)
    why = reasons(todo, store)
    estimate, labels = SecondsEstimate(plan, store), stage_labels(plan)
    known = power(plan, store, pilot, looks)
    content = {
        "study": plan.study.name,
        **preview_as_json(plan.study.preview),
        "unshared": plan.unshared,
        "estimated_seconds": sum(map(estimate.seconds, todo)) if estimate.measured else None,
        "at_most": is_at_most(todo),
        "disk": disk_as_json(disk_forecast(plan, places)),
        "stages": [
            {
                "id": stage.id,
                "name": stage.name,
                "label": labels[stage.id],
                "kind": stage.kind,
                "tasks": stage.task_names,
                "seed": stage.seed,
                "parents": [parent.id for parent in stage.parents],
                "done": stage.id not in why,
                "why": why.get(stage.id),
            }
            for stage in plan
        ],
        "pairs": dict(zip(("left_out", "of"), count_left_out(plan.study), strict=True)),
        "left_out": dropped_as_json(dropped),
        "power": None if known is None else records_of(known),
        "looks": None if looks is None else _looks_as_json(plan, places, pilot, looks),
        "budget": None if coming is None else asdict(coming),
    }
    print_json(content)


def _looks_as_json(plan: Plan, places: Places, pilot: Plan | None, looks: Looks) -> Any:
    return {"seeds": looks.counts, **asdict(forecast_looks(plan, looks, places, pilot))}


def resolved_study(study: Study) -> str:
    """The study as YAML with every default filled in; it reads back as the same study."""
    told = study.protocols().get(study.protocol, study)
    values = told.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"preview"})
    text: str = yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=100)
    return text
