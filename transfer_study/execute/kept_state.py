"""The state of a running stage: kept in the store every so often, and when the run is to stop."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from safetensors import SafetensorError

from transfer_study.execute.program import Program
from transfer_study.execute.suspend import Keeping, Suspended
from transfer_study.learn.checkpoint import Hold, State, read_state, write_state
from transfer_study.store.checkpoints import Checkpoints
from transfer_study.store.store import Store
from transfer_study.study.frozen import content_hash
from transfer_study.study.stage import Stage


class KeptState(Hold):
    """What an attempt at a stage keeps, and what one before it has kept.

    `way` is what the stage is run with beside what its id says. `seconds` are those that earlier
    attempts took until there, `continued` tells where
    this one began.
    """

    def __init__(self, store: Store, stage: Stage, way: State, keeping: Keeping) -> None:
        key = content_hash({"program": Program.here().model_dump(), **way})[:8]
        self._checkpoints = Checkpoints(store, stage, key)
        self._keeping = keeping
        self._began = self._last = time.monotonic()
        self.seconds = 0.0
        self.continued: dict[str, int] | None = None  # the epoch, and its updates until there

    def found(self, device: torch.device) -> State | None:
        """The newest state that can be read."""
        for path in self._checkpoints.newest_first():
            try:
                kept = read_state(path, device)
            except (OSError, SafetensorError):  # it went, or was damaged, a moment ago
                continue
            state: State = kept["state"]
            self.seconds = kept["seconds"]
            self.continued = {"epoch": state["epoch"], "updates": state["done"]}
            return state
        return None

    def __call__(self, state: Callable[[], State]) -> None:
        """Keep the state where it is time to; raises Suspended where the stage is to stop."""
        asked = self._keeping.asked()
        now = time.monotonic()
        due = self._keeping.minutes and now - self._last >= 60 * self._keeping.minutes
        if due or asked:
            kept = {"state": state(), "seconds": self.seconds + now - self._began}
            self._checkpoints.keep(lambda path: write_state(path, kept))
            self._last = time.monotonic()
        if asked:
            raise Suspended
