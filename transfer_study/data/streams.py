"""Random streams that depend on what they are for, and on nothing else."""

from __future__ import annotations

import numpy as np

from transfer_study.study.frozen import content_hash


def stream(*key: object) -> np.random.Generator:
    """The generator of a purpose, named by plain values such as (seed, task, "subset")."""
    return np.random.Generator(np.random.PCG64(int(content_hash(list(key)), 16)))
