"""Why an effect has no interval, in the words that every table, figure and sentence uses."""

from __future__ import annotations

ONE_SEED = "one seed"
ONE_DOCUMENT = "one test document"
ALIKE = "all runs answer alike"


def why_no_interval(n_seeds: int, n_documents: int, seed_sd: float, example_error: float) -> str:
    """What is wrong with an effect whose interval has no ends; the numbers are those of deltas."""
    if n_seeds < 2:
        return ONE_SEED
    if n_documents == 1:
        return ONE_DOCUMENT
    if not (seed_sd > 0 or example_error > 0):
        return ALIKE
    return f"no usable interval with {n_seeds} seeds"
