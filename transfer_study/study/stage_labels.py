"""What people read of a stage: its readable name, and where the study has several, which it is of.

The names of directories stay as they are: an id tells them apart, and records hold them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping

from transfer_study.study.plan import Plan
from transfer_study.study.sizes import train_sizes
from transfer_study.study.stage import Stage
from transfer_study.study.study import Study

_DIGITS = 6


def stage_labels(plan: Plan) -> dict[str, str]:
    """The label of each stage by its id, no two alike.

    Behind the name stand the encoder, the protocol, the variant of the recipe and the training
    size, each where the study has several and the stage is not of all; of stages that are alike
    even so, the first digits of the id.
    """
    encoders = len(plan.study.encoders) > 1
    protocols, variants = _users(plan)
    marked = {}
    for stage in plan:
        marks = [stage.encoder.name] if encoders else []
        marks += _of_some(protocols.get(stage.id, ()), plan.protocols)
        marks += _of_some(variants.get(stage.id, ()), plan.study.variants)
        marks += _sizes(plan.study, stage)
        marked[stage.id] = _label(stage, marks), marks
    alike = Counter(label for label, _ in marked.values())
    return {
        stage.id: label if alike[label] == 1 else _label(stage, [*marks, stage.id[:_DIGITS]])
        for stage in plan
        for label, marks in [marked[stage.id]]
    }


def stage_sizes(study: Study, stage: Stage) -> dict[str, int]:
    """From how many examples a stage, or one that it starts from, learned the tasks of several."""
    several = {task.name for task in study.tasks if train_sizes(task)}
    sizes: dict[str, int] = {}
    for parent in stage.parents:
        sizes |= stage_sizes(study, parent)
    for member in stage.tasks:
        size = member.task.limits.max_train
        if member.task.origin in several and isinstance(size, int):
            sizes[member.task.origin] = size
    return sizes


def sizes_text(sizes: Mapping[str, int]) -> str:
    """The training sizes of tasks in words, empty where there is none."""
    if len({*sizes.values()}) == 1:
        return f"{next(iter(sizes.values()))} examples"
    return ", ".join(f"{size} of {name}" for name, size in sorted(sizes.items()))


def _users(plan: Plan) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """By stage, the protocols that it serves and the variants whose recipe it has learned by."""
    protocols: dict[str, set[str]] = {}
    variants: dict[str, set[str]] = {}
    for system in plan.systems:
        for compared in system.compared():
            if compared.variant:
                variants.setdefault(compared.stage.id, set()).add(compared.variant)
        for stage in system.stages():
            protocols.setdefault(stage.id, set()).add(system.protocol)
    return protocols, variants


def _of_some(found: Collection[str], every: Collection[str]) -> list[str]:
    """Those found, in the study's order, unless they are all."""
    return [] if len(found) == len(every) else [name for name in every if name in found]


def _sizes(study: Study, stage: Stage) -> Iterator[str]:
    if text := sizes_text(stage_sizes(study, stage)):
        yield text


def _label(stage: Stage, marks: Collection[str]) -> str:
    return f"{stage.family} ({', '.join(marks)})" if marks else stage.family
