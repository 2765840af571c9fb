"""The axes that not every study has: variants of the recipe and training sizes, as columns."""

from __future__ import annotations

import pandas as pd

from transfer_study.analysis.edges import SIZE, VARIANT
from transfer_study.study.plan import Plan
from transfer_study.study.sizes import has_sizes


def with_axes(plan: Plan, table: pd.DataFrame, before: str) -> pd.DataFrame:
    """The table with its variants and sizes, or without them where the study has no such axis.

    Sizes stand after this column, empty for a target of one size.
    """
    size = table.pop(SIZE)
    if has_sizes(plan.study):
        table.insert(list(table).index(before) + 1, SIZE, size.astype("Int64"))
    return table if plan.study.variants else table.drop(columns=VARIANT)
