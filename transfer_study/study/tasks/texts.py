"""Texts without labels: from files, or from what tasks are trained on."""

from __future__ import annotations

from pathlib import Path

from transfer_study.study.frozen import Frozen
from transfer_study.study.tasks.task import Limits, Task


class Texts(Frozen):
    """Where unlabelled texts come from: text files, or the training text of tasks.

    What they hold is the set of their distinct texts: order and repetition mean nothing.
    """

    files: tuple[Path, ...] = ()
    tasks: tuple[Task, ...] = ()

    @classmethod
    def of_tasks(cls, tasks: tuple[Task, ...]) -> Texts:
        """The training text of tasks; limits ration labelled examples, not text."""
        return cls(tasks=tuple(task.model_copy(update={"limits": Limits()}) for task in tasks))
