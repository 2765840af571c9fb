"""Tables that an earlier report left in a results folder."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pandas as pd

from transfer_study.errors import StoreError
from transfer_study.files import read_regular

_MOST_BYTES = 1 << 30


def read_kept(path: Path, **options: Any) -> pd.DataFrame:
    """The table of a CSV or parquet file; raises StoreError for what cannot be read as one.

    `options` are those of `pandas.read_csv`.
    """
    try:
        content = io.BytesIO(read_regular(path, _MOST_BYTES))
        if path.suffix == ".parquet":
            return pd.DataFrame(pd.read_parquet(content))
        return pd.DataFrame(pd.read_csv(content, **options))
    except (OSError, ValueError, MemoryError) as error:  # Arrow's and pandas' are ValueErrors
        first = next(iter(str(error).splitlines()), type(error).__name__)
        raise StoreError(f"{path} cannot be read ({first}); restore it, or remove it") from None
