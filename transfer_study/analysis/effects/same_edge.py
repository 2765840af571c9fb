"""Edges that a table has under two names: the pair of a study's only two tasks is its full mix.

Pairs, the full mix and groups are one way of learning, so that the same tasks are the same stage
whatever the arm is called. Such an edge has a row an arm, and counts once.
"""

from __future__ import annotations

import pandas as pd

from transfer_study.study.arms import mixes

_NAMES = ["protocol", "variant", "encoder", "reading", "metric", "over"]
_NAMES += ["arm", "source", "target", "size"]


def same_edges(edges: pd.DataFrame) -> pd.Series[int]:
    """The number of the edge that each row shows, by what names it; the same edge, the same number.

    Rows are of a table of deltas, or of what plans one.
    """
    joint = edges["arm"].map(lambda label: mixes(str(label))).astype(bool)
    key = [name for name in _NAMES if name in edges]
    named = edges[key].assign(arm=edges["arm"].mask(joint, "joint"))
    return named.groupby(key, sort=False, dropna=False).ngroup()


def repeated(edges: pd.DataFrame) -> pd.Series[bool]:
    """Which rows show an edge that an earlier row shows."""
    return same_edges(edges).duplicated()
