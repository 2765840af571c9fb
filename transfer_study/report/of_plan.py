"""What a report tells of a plan: its runs, what they learned by, its data, and its commands."""

from __future__ import annotations

import math
import shlex
from collections.abc import Collection, Mapping
from typing import Any

import pandas as pd

from transfer_study.figures.lettering import metric_name
from transfer_study.metrics.measurable import absence
from transfer_study.report.content import Content, RunKey, SeedRun
from transfer_study.report.design import Design
from transfer_study.report.sentences.stopping import stopping_method
from transfer_study.report.sentences.words import short_encoder
from transfer_study.study.pairs import left_out_sentence
from transfer_study.study.plan import Plan
from transfer_study.study.recipes.protocol import Protocol
from transfer_study.study.sizes import data_sets
from transfer_study.study.stage_labels import stage_labels


def content_of(
    plan: Plan,
    deltas: pd.DataFrame,
    scores: pd.DataFrame,
    tasks: pd.DataFrame,
    failed: Collection[str] = (),
    **others: Any,
) -> Content:
    """The content of a report on a plan.

    `failed` are the ids of stages that were tried in vain, `others` the fields of `Content` that do
    not follow from the plan; `absent` are the classes that test sets lack, by task, and `file` and
    `options` what commands are given.
    """
    labels = stage_labels(plan)
    file, options = others.get("file", "STUDY"), others.pop("options", "")
    lacking: Mapping[str, tuple[str, ...]] = others.pop("absent", {})
    by_name = {task.name: task for task in plan.study.tasks}
    recipes: dict[str, Mapping[str, Any]] = {}
    for stage in plan:
        recipes.setdefault(str(stage.kind), stage.recipe.model_dump(mode="json"))
    return Content(
        design=Design.of_plan(plan),
        deltas=deltas,
        scores=scores,
        tasks=tasks,
        runs=_runs(plan, scores, labels),
        failed=_failures(plan, failed, labels),
        kinds={labels[stage.id]: str(stage.kind) for stage in plan},
        recipes=recipes,
        cards=_cards(plan),
        commands=_commands(plan, file, options),
        training=stopping_method(plan),
        left_out=left_out_sentence(plan.study),
        protocols=[name for name in plan.protocols if name != Protocol.CLEAN],
        absent={
            name: f"The test set of {name} {absence(by_name[name], classes)}."
            for name, classes in lacking.items()
        },
        **others,
    )


def _runs(
    plan: Plan, scores: pd.DataFrame, labels: Mapping[str, str]
) -> dict[RunKey, list[SeedRun]]:
    """The runs of every compared system."""
    runs: dict[RunKey, list[SeedRun]] = {}
    keys = zip(scores["stage"], scores["task"], scores["metric"], strict=True)
    values = dict(zip(keys, scores["value"].astype(float), strict=True))
    metrics = {str(task): sorted(set(rows)) for task, rows in scores.groupby("task")["metric"]}
    for system in plan.systems:
        if (baseline := system.baseline) is None:
            continue
        about = system.encoder, str(system.reading), system.variant
        ends = system.source, system.target, system.arm
        for metric in metrics.get(system.target, [""]):
            pair = ((one.id, system.target, metric) for one in (system.stage, baseline.stage))
            score, alone = (values.get(end, math.nan) for end in pair)
            runs.setdefault((*about, *ends, system.size, metric), []).append(
                SeedRun(
                    system.seed,
                    labels[system.stage.id],
                    labels[baseline.stage.id],
                    score - alone,
                )
            )
    return runs


def _failures(plan: Plan, failed: Collection[str], labels: Mapping[str, str]) -> dict[str, str]:
    """The stages that failed, or waited for one that did, by label; with the name of the folder."""
    found = {}
    for stage in plan:
        if stage.id in failed:
            label, encoder = labels[stage.id], stage.encoder.name
            found[label] = f"{label.replace(encoder, short_encoder(encoder))}: {stage.name}"
    return found


def _cards(plan: Plan) -> pd.DataFrame:
    """A row a task: labels, sizes as used, and the hash of what is trained on."""
    rows = []
    for name, task in data_sets(plan.study).items():
        used = plan.fingerprints.data[name]
        about = {"task": name, "kind": str(task.kind), "domain": task.domain}
        about["metric"] = metric_name(str(task.metric))
        about["answers"] = task.kind.answered or f"{len(task.outputs)} labels"
        sizes = {"train": used.train.n, "dev": used.dev.n, "test": used.test.n}
        hashes = {"train": used.train.sha256, "test": used.test.sha256}
        rows.append(
            about | sizes | {f"sha256 of {split}": sha[:12] for split, sha in hashes.items()}
        )
    return pd.DataFrame(rows)


def _commands(plan: Plan, file: str, options: str) -> list[str]:
    """The commands that give the same tables again, each with what it does."""
    asked = f" {options}" if options else ""
    asked_of_run = plan.looks or plan.choice
    how = f" {shlex.join(asked_of_run.options)}" if asked_of_run else ""
    return [
        f"transfer-study plan {file}  # what is stored, what would run and why",
        f"transfer-study run {file}{how}  # trains what is missing, then writes this report",
        f"transfer-study report {file}{asked}  # this report alone, from what is stored",
    ]
