"""What a stage keeps of its epochs: the weights and answers of those that are the best so far."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from transfer_study.learn.checkpoint import State
from transfer_study.learn.material import Material
from transfer_study.learn.models.model import changing, restore
from transfer_study.learn.predict import Predictions

# Weights are kept on a GPU that has room for so many copies: other stages may share it.
_ROOM = 40
Weights = dict[str, Tensor]


class Selection:
    """Keeps the weights of the best epoch of each task, of the mean over the tasks, and of one."""

    def __init__(self, materials: Mapping[str, Material], kept: int | None) -> None:
        self._materials = materials
        self._kept = kept
        self._best: dict[str | None, tuple[float, int]] = {}
        self.states: dict[int, Weights] = {}
        # Of each task's chosen epoch, by task and split; and of every epoch that predicted test.
        self.answers: dict[tuple[str, str], Predictions] = {}
        self.every_epoch: dict[tuple[str, int], Predictions] = {}

    def offer(
        self,
        epoch: int,
        scores: Mapping[str, float],
        answers: Mapping[str, Mapping[str, Predictions]],
        model: nn.Module,
    ) -> None:
        """An epoch's scores by task, its answers by split and task, and the model as it is now."""
        mean = sum(scores.values()) / len(scores)
        for key, value in (*scores.items(), (None, mean)):
            if key not in self._best or value > self._best[key][0]:
                self._best[key] = (value, epoch)
                if key is not None:
                    self.answers.update({(key, split): answers[split][key] for split in answers})
        for name, predictions in answers.get("test", {}).items():
            self.every_epoch[name, epoch] = predictions
        needed = {self._kept, *(chosen for _, chosen in self._best.values())}
        if epoch in needed:
            self.states[epoch] = _copy(changing(model))
        self.states = {n: state for n, state in self.states.items() if n in needed}

    def state(self) -> State:
        """All that it keeps; not a copy."""
        return {
            "best": self._best,
            "states": self.states,
            "answers": {key: (a.labels, a.scores) for key, a in self.answers.items()},
            "every_epoch": {key: (a.labels, a.scores) for key, a in self.every_epoch.items()},
        }

    def load(self, state: State) -> None:
        """Go on from a state."""
        self._best, self.states = state["best"], state["states"]
        self.answers = {
            (name, split): Predictions(self._materials[name].data.split(split), *said)
            for (name, split), said in state["answers"].items()
        }
        self.every_epoch = {
            (name, epoch): Predictions(self._materials[name].data.test, *said)
            for (name, epoch), said in state["every_epoch"].items()
        }

    def epoch(self, task: str | None) -> int:
        """The best epoch of a task, or of the mean over the tasks."""
        return self._best[task][1]

    @property
    def latest(self) -> int:
        """The latest epoch that is the best of a task or of the mean."""
        return max(epoch for _, epoch in self._best.values())

    def restore(self, epoch: int, model: nn.Module) -> None:
        """Give a model the weights of a kept epoch."""
        restore(model, self.states[epoch])


def _copy(state: Mapping[str, Tensor]) -> Weights:
    """A copy of a model's tensors: on their device while it has room for many such, or in memory.

    Bringing them over waits for a GPU at every tensor.
    """
    tensors = [tensor.detach() for tensor in state.values()]
    size = sum(tensor.nbytes for tensor in tensors)
    if tensors[0].is_cuda and torch.cuda.mem_get_info(tensors[0].device)[0] > _ROOM * size:
        return {name: tensor.detach().clone() for name, tensor in state.items()}
    return {name: tensor.detach().to("cpu", copy=True) for name, tensor in state.items()}
