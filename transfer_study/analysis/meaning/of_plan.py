"""What the stages of a plan answered, target by target."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache

from transfer_study.analysis.meaning.answered import Answered
from transfer_study.metrics.rows import Floats
from transfer_study.store.predictions import AnswerSource
from transfer_study.study.plan import Plan
from transfer_study.study.system import System
from transfer_study.study.tasks.example import Label


def answered_by(
    plan: Plan, source: AnswerSource, traits: Mapping[str, Mapping[str, Floats]]
) -> Callable[[str], Answered]:
    """What is known of a target by its name; stages that have not answered are asked nothing."""
    tasks = {task.name: task for task in plan.study.tasks}
    asked: dict[str, dict[str, System]] = {}
    for system in plan.systems:
        if source.has(system.stage):
            asked.setdefault(system.target, {}).setdefault(system.stage.id, system)

    def answered(target: str) -> Answered:
        systems = asked[target]
        first = next(iter(systems.values()))
        answers = source.answers(first.stage, first.task)

        @cache  # asked once for scores and once for flips
        def predicted(stage: str) -> Sequence[Label]:
            return source.answers(systems[stage].stage, systems[stage].task).predicted

        known = traits.get(target, {})
        return Answered(tasks[target], answers.gold, answers.documents, predicted, known)

    return answered
