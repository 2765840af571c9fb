"""On which machines trials of recipes may run, and which have failed for good.

A trial that ended with an error is run again by Tune, which knows no budgets: so it is told here.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from transfer_study.execute.cluster.machines import Machines
from transfer_study.execute.cluster.ray_process import StaysHere, apart, death, error_of
from transfer_study.execute.cluster.trial_job import SearchJob
from transfer_study.points import counted

# isort: split
# After `ray_process`, which sets what Ray reads when it is imported.
from ray import tune


class TrialPlaces(StaysHere):
    """Where trials may run, by what was heard of the machines that tried them."""

    def __init__(self, job: SearchJob, machines: Machines, bundle: dict[str, float]) -> None:
        self.stopped: str | None = None  # why nothing can be tried any more
        self._machines = machines
        self._bundle = bundle
        self._retries = job.resources.retries
        self._several = job.resources.address is not None
        self._said: dict[str, dict[str, Any]] = {}  # by trial, why it asks for another machine
        self._deaths: Counter[str] = Counter()
        self._placed: set[str] = set()
        self.failed: dict[str, str] = {}  # the trials that failed for good, and why

    def request(self, avoided: tuple[str, ...]) -> tune.PlacementGroupFactory:
        """What a trial needs, on none of these machines."""
        return tune.PlacementGroupFactory([self._bundle], **apart(avoided))

    def place(self, trial: Any) -> None:
        """Have a trial run where it may; not while it runs, nor where it is listed by its place."""
        trial.update_resources(self.request(self._machines.avoided(trial.trial_id)))

    def hear(self, trial: Any, result: dict[str, Any]) -> None:
        """Keep why a trial asks for another machine, which then ends with an error."""
        if "unfit" in result or "lacks" in result:
            self._said[trial.trial_id] = result

    def hear_error(self, trial: Any) -> None:
        """A trial ended with an error: it has failed for good, or is to run elsewhere."""
        self._placed.add(trial.trial_id)
        why = self._why_over(trial)
        if why is not None:
            self.failed[trial.trial_id] = why
        else:
            self.place(trial)

    def knows(self, trial: Any) -> bool:
        """Whether a trial was added before."""
        return trial.trial_id in self._placed

    def _why_over(self, trial: Any) -> str | None:
        said = self._said.pop(trial.trial_id, None)
        if said is None:
            return self._died(trial)
        machine = said["machine"]
        if "unfit" in said:
            self._machines.refuse(machine, said["unfit"])
            if self._machines.left:
                return None
            reasons = "; ".join(self._machines.refused.values())
            self.stopped = f"no machine is left that can try recipes: {reasons}"
            return str(said["unfit"])
        lacks, elsewhere = str(said["lacks"]), self._machines.failed(machine, trial.trial_id)
        if self._machines.unreliable(machine):
            self._machines.refuse(machine, f"failed twice in a row ({lacks})")
        if elsewhere:
            return None
        return f"on {self._machines.name(machine)}: {lacks}" if self._several else lacks

    def _died(self, trial: Any) -> str | None:
        why, lost = death(error_of(trial))
        self._deaths[trial.trial_id] += not (lost and self._several)
        deaths = self._deaths[trial.trial_id]
        return f"{why}, {counted(deaths, 'time')} in all" if deaths > self._retries else None


class Over(StaysHere, tune.Stopper):  # type: ignore[misc]
    """Ends the search where no machine is left."""

    def __init__(self, placed: TrialPlaces) -> None:
        self._placed = placed

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return False

    def stop_all(self) -> bool:
        return self._placed.stopped is not None
