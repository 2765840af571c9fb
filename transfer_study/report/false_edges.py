"""The study's own false-edge rate in words."""

from __future__ import annotations

from transfer_study.analysis.false_edges import FalseEdges


def false_edge_sentence(found: FalseEdges) -> str:
    """What A/A comparisons found, and how far that may be trusted; why there is nothing if so."""
    if not found.systems:
        return (
            "False edges: not known; to be compared with itself a model needs four seeds or more "
            "that have learned and differ, on several test documents."
        )
    level = f"{100 * found.alpha:g}%"
    return (
        f"False edges: of {found.comparisons} comparisons of {found.systems} models with "
        f"themselves (one half of the seeds against the other), {100 * found.rate:.1f}% have p "
        f"below {level} [{100 * found.low:.1f}%, {100 * found.high:.1f}%] and "
        f"{100 * found.verdict_rate:.1f}% would be called gain or loss. Comparisons of one model "
        "are not independent, and models share test sets: the interval counts models, and may "
        "still be too narrow."
    )
