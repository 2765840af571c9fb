"""A/A comparisons in words: models against themselves."""

from __future__ import annotations

from transfer_study.analysis.doubt.false_edges import FalseEdges


def false_edge_sentence(found: FalseEdges, *, answers: bool = True) -> str:
    """What A/A comparisons found, and how far that goes; why there is nothing if so.

    Without `answers` nothing is known of test documents.
    """
    if not found.systems:
        return (
            "A/A: none; to be compared with itself a model needs four seeds or more that have "
            f"learned and differ{', on several test documents' if answers else ''}."
        )
    level = f"{100 * found.alpha:g}%"
    return (
        f"A/A: of {found.comparisons} comparisons of {found.systems} models with themselves (one "
        f"half of the seeds against the other), {100 * found.rate:.1f}% have p below {level} "
        f"[{100 * found.low:.1f}%, {100 * found.high:.1f}%, counted by models]. They try how the "
        "noise of runs is reckoned with, at half the seeds; of how examples take to one partner "
        "and not to another they know nothing, so this is not the rate of false edges."
    )
