"""A system: a trained model as a reading sees it, with what it is compared with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from transfer_study.study.joined import joined
from transfer_study.study.looks import Edge
from transfer_study.study.reading import Reading
from transfer_study.study.recipes.protocol import Protocol
from transfer_study.study.stage import Stage
from transfer_study.study.tasks.task import Change, Task


@dataclass(frozen=True, slots=True)
class System:
    """One trained model as a reading sees it: which stage answers for which target.

    `arm` is the label of an arm (study/arms) or the word of a control; `sources` are the tasks
    whose effect on `target` it shows. `baseline` is what it is compared with, None for what
    nothing is said of. `size` is the target's, in a study of several. `variant` names what is
    changed in the recipe, empty in a study without variants. `controls` are the systems whose
    effects, each over its own baseline, this one's is held against. `alone` is a task by itself
    that its partners' models are held against, and which may have further seeds.
    """

    encoder: str
    reading: Reading
    arm: str
    sources: tuple[str, ...]
    target: str
    seed: int
    stage: Stage
    baseline: System | None = None
    size: int | None = None
    variant: str = ""
    protocol: str = Protocol.CLEAN
    controls: tuple[System, ...] = ()
    alone: bool = False

    @property
    def source(self) -> str:
        """The partners' names joined by `+`, empty for a single task."""
        return joined(self.sources)

    @property
    def edge(self) -> Edge:
        """What names the comparison with the baseline, whatever the seed."""
        return Edge(
            protocol=self.protocol,
            variant=self.variant,
            encoder=self.encoder,
            reading=self.reading,
            arm=self.arm,
            source=self.source,
            target=self.target,
            size=self.size,
        )

    def compared(self) -> Iterator[System]:
        """The system and all that it is compared with."""
        yield self
        if self.baseline is not None:
            yield from self.baseline.compared()
        for control in self.controls:
            yield from control.compared()

    def stages(self) -> Iterator[Stage]:
        """The stages behind the comparison, parents first."""
        for system in self.compared():
            yield from lineage(system.stage)

    @property
    def task(self) -> Task:
        """The stage's task that answers for the target: itself, or the first half of it."""
        return next(
            task
            for task in (member.task for member in self.stage.tasks)
            if task.origin == self.target
            and (task.transform is None or task.transform.change is not Change.HALF_2)
        )


def lineage(stage: Stage) -> Iterator[Stage]:
    """The stage after all that it starts from."""
    for parent in stage.parents:
        yield from lineage(parent)
    yield stage
