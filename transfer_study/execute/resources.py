"""What a run may use; none of it enters a stage's identity."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Resources:
    """Devices and workers of a run through Ray."""

    workers: int | None = None  # stages at a time; None: as many as there are CPUs or GPUs for
    cpus_per_stage: float | None = None  # None: the recipe's cpu_threads
    gpus_per_stage: float | None = None  # None: one where there are GPUs, else none
    address: str | None = None  # of a running cluster; None: Ray is started on this machine
    retries: int = 2  # of a stage whose worker died; one that raises an error is not repeated
    hang_after: float | None = None  # seconds without a sign; None: by what is expected, 0: never
