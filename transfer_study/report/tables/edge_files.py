"""The files of any table of edges: as CSV and parquet, for readers, and drawn."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pandas as pd

from transfer_study.analysis.edges import VARIANT, raw_edges
from transfer_study.analysis.graph.views import Shown, View
from transfer_study.report.content import CaptionKey, corrected_together
from transfer_study.report.design import Design
from transfer_study.report.sentences.captions import caption
from transfer_study.report.tables.kept_table import read_kept
from transfer_study.store.outputs import Outputs

# The names of the tables of what edges mean, and of pairs that were not measured.
EVIDENCE, PREDICTED = "evidence", "predicted"


def table_files(stem: Path) -> list[Path]:
    """The paths that `write_table` writes."""
    return [stem.with_suffix(".csv"), stem.with_suffix(".parquet")]


def write_table(table: pd.DataFrame, stem: Path) -> None:
    """Write a table as CSV (six decimals, the same bytes everywhere) and as parquet (exact)."""
    csv, parquet = table_files(stem)
    table.to_csv(csv, index=False, float_format="%.6f", lineterminator="\n")
    table.to_parquet(parquet, index=False)


def read_table(stem: Path) -> pd.DataFrame | None:
    """Read what `write_table` wrote, exact where both files are there; None where neither is."""
    if stem.with_suffix(".parquet").is_file():
        return read_kept(stem.with_suffix(".parquet"))
    if stem.with_suffix(".csv").is_file():
        # An encoder or a task may be called `NA`; an empty source or control is no missing one.
        table = read_kept(stem.with_suffix(".csv"), keep_default_na=False, na_values=[""])
        empty = [name for name in ("source", "over") if name in table]
        return table.assign(**{name: table[name].astype(object).fillna("") for name in empty})
    return None


def write_tables(folder: Path, outputs: Outputs, **tables: pd.DataFrame) -> None:
    """Write each of the tables under its name."""
    for name, rows in tables.items():
        stem = folder / name
        outputs.write(table_files(stem), partial(write_table, rows, stem))


def write_if_any(folder: Path, outputs: Outputs, **tables: pd.DataFrame | None) -> None:
    """Write the tables that have rows, and remove what an earlier report had of the others."""
    for name, rows in tables.items():
        if rows is None or rows.empty:
            for path in table_files(folder / name):
                path.unlink(missing_ok=True)
        else:
            write_tables(folder, outputs, **{name: rows})


def draw_edges(
    design: Design,
    edges: pd.DataFrame,
    tasks: pd.DataFrame,
    plots: Path,
    outputs: Outputs,
    shown: Shown,
) -> tuple[list[Path], dict[CaptionKey, str]]:
    """Draw the views of the design, of them what is shown; the paths, and the captions."""
    from transfer_study.figures import draw_figures
    from transfer_study.figures.save import file_part

    captions: dict[CaptionKey, str] = {}

    def told(encoder: str, reading: str, view: View) -> str:
        words = caption(design, encoder, reading, view, corrected_together(design, edges, reading))
        captions[encoder, reading, view.name] = words
        return words

    figures: list[Path] = []
    for name, of_variant in _by_variant(raw_edges(edges)):
        figures += draw_figures(
            of_variant,
            tasks,
            plots / file_part(name),
            title=f"{design.name} ({name})" if name else design.name,
            caption=told,
            views=design.views,
            size=shown.size,
            task=shown.task,
            write=outputs.write,
        )
    return figures, captions


def _by_variant(edges: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """The edges of each variant of the recipe, or all of them under no name."""
    if VARIANT not in edges:
        return [("", edges)]
    groups = edges.groupby(VARIANT, sort=False)
    return [(str(name), rows.drop(columns=VARIANT)) for name, rows in groups]
