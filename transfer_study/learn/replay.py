"""Updates whose kernels are recorded once and then replayed, on a device that can do that.

An update of a small encoder is some thousand kernels of microseconds each, between which a GPU
waits for Python. Recorded, forward and backward pass, clipping and the optimiser's step are one
launch. Recording itself runs nothing, so the updates are the same ones in the same order, dropout
included.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from transfer_study.data.tokens.mixing import Update
from transfer_study.learn.material import Material
from transfer_study.learn.models.soft import Learner, SoftlyShared
from transfer_study.learn.optimise.optim import Course
from transfer_study.learn.optimise.weigh import LossWeights, UncertaintyWeights
from transfer_study.learn.resident import Resident
from transfer_study.learn.updates import Updates
from transfer_study.study.recipes.recipe import Recipe

# So many updates of a shape are made before one is recorded: what is made at first use, the
# optimiser's moments and the libraries' workspaces, must be there.
_BEFORE = 3

Step = Callable[[], None]
Record = Callable[[Step], Step]


class CudaGraphs:
    """Records steps as CUDA graphs, which share the memory of what lives within one step."""

    def __init__(self) -> None:
        self._pool = torch.cuda.graph_pool_handle()

    def __call__(self, step: Step) -> Step:
        """The replay of a step; raises RuntimeError where a kernel of it cannot be recorded."""
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool):
            step()
        return graph.replay


@dataclass(eq=False)
class _Shape:
    """The updates of one task in one width: where their rows and their loss stand."""

    task: str
    width: int
    rows: Tensor
    loss: Tensor
    made: int = 0
    replay: Step | None = None


class ReplayedUpdates(Updates):
    """Updates of one task each, those of whole batches replayed; all others are made as ever.

    `record` makes a step's replay. `replayed` counts them; `fault` says why no more are recorded.
    """

    def __init__(
        self,
        model: Learner,
        materials: Mapping[str, Material],
        targets: Mapping[str, Sequence[NDArray[Any]]],
        recipe: Recipe,
        courses: Mapping[str, Course],
        weights: LossWeights | None = None,
        *,
        record: Record,
    ) -> None:
        super().__init__(model, materials, targets, recipe, courses, weights)
        self._record = record
        self._residents = {
            name: Resident.of(m.collators["train"], targets[name]) for name, m in materials.items()
        }
        self._shapes: dict[tuple[str, int], _Shape] = {}
        self.replayed = 0
        self.fault: str | None = None

    def told(self) -> dict[str, Any]:
        """How many updates were replayed so far, and what kept others from it."""
        return {"replayed": self.replayed} | ({} if self.fault is None else {"fault": self.fault})

    def _update(self, batches: Update) -> dict[str, Tensor]:
        ((name, rows),) = batches
        if len(rows) != self._recipe.batch_size:
            return super()._update(batches)
        shape = self._shape(name, rows)
        if shape.replay is None and shape.made >= _BEFORE and self.fault is None:
            self._try_to_record(shape)
        if shape.replay is None:
            self._step(shape)
        else:
            shape.replay()
            self.replayed += 1
        shape.made += 1
        self._courses[name].advance()
        return {name: shape.loss.clone()}  # the next update writes its own there

    def _shape(self, name: str, rows: NDArray[np.int64]) -> _Shape:
        """The shape of a batch, whose rows are where its step reads them."""
        on = self._materials[name].collators["train"].device
        width = self._residents[name].width(rows)
        shape = self._shapes.get((name, width))
        if shape is None:
            places = torch.zeros(len(rows), dtype=torch.long, device=on)
            shape = _Shape(name, width, places, torch.zeros((), device=on))
            self._shapes[name, width] = shape
        shape.rows.copy_(self._materials[name].collators["train"].move(rows), non_blocking=True)
        return shape

    def _try_to_record(self, shape: _Shape) -> None:
        try:
            shape.replay = self._record(lambda: self._step(shape))
        except RuntimeError as error:  # an encoder's own code reads a tensor on the host, say
            self.fault = str(error).split("\n", 1)[0]
            # What was recorded of them holds no numbers, and would be added to.
            self._model.zero_grad(set_to_none=True)

    def _step(self, shape: _Shape) -> None:
        """An update but for the schedule, reading and writing nothing but tensors."""
        name = shape.task
        optimizer = self._courses[name].optimizer
        loss, _ = self._loss_of(name, *self._residents[name].batch(shape.rows, shape.width))
        self._descend(name, loss)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        shape.loss.copy_(loss.detach())


def can_replay(
    model: Learner,
    materials: Mapping[str, Material],
    recipe: Recipe,
    weights: LossWeights | None,
) -> bool:
    """Whether an update of a stage is nothing but kernels: no number of it is read on the host.

    BERT's own optimisers count on the host, tied encoders and learned weights of losses take steps
    of their own, a teacher's answers and rows of several sequences are gathered there, and what is
    skipped where it is no number must be read.
    """
    return (
        recipe.optimizer == "adamw"
        and recipe.non_finite == "stop"
        and recipe.updates == "one_task"
        and not isinstance(model, SoftlyShared)
        and not isinstance(weights, UncertaintyWeights)
        and all(
            m.taught is None and m.collators["train"].encoded.parts is None
            for m in materials.values()
        )
    )


def build_updates(
    model: Learner,
    materials: Mapping[str, Material],
    targets: Mapping[str, Sequence[NDArray[Any]]],
    recipe: Recipe,
    courses: Mapping[str, Course],
    weights: LossWeights | None,
) -> Updates:
    """The updates of a stage, replayed where its device and its recipe let them be."""
    given = (model, materials, targets, recipe, courses, weights)
    device = next(model.parameters()).device
    if device.type == "cuda" and can_replay(model, materials, recipe, weights):
        return ReplayedUpdates(*given, record=CudaGraphs())
    return Updates(*given)
