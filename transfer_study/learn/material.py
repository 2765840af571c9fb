"""What a task gives a stage to learn from and to be judged by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from transfer_study.data.splits import TaskData
from transfer_study.learn.batch import Collator
from transfer_study.learn.distil import Taught
from transfer_study.study.tasks.task import Task


@dataclass(frozen=True)
class Material:
    """A task's data with each split encoded and ready to be batched, and a teacher's answers."""

    data: TaskData
    collators: Mapping[str, Collator]
    taught: Taught | None = None

    @property
    def task(self) -> Task:
        """The task that the data belong to."""
        return self.data.task
