"""The test examples that an edge changes, as a table."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from transfer_study.points import counted, percent
from transfer_study.report.tables.table import number, table_of, text
from transfer_study.study.looks import Edge
from transfer_study.terminal.console import in_terminal, print_json, records_of, stdout


def print_examples(
    edge: Edge, n_seeds: int, examples: pd.DataFrame, most: int, written: Path | None
) -> None:
    """Print the first of them, and where all are."""
    console = stdout()
    better = int((examples["right_together"] > examples["right_alone"]).sum())
    console.print(
        f"{edge.source} on {edge.target} ({edge.arm}, {edge.reading} reading): over "
        f"{counted(n_seeds, 'seed')} {better:,} examples are right more often together, "
        f"{len(examples) - better:,} less often. Seeds alone change some: "
        "evidence.csv says how many.",
        soft_wrap=True,
    )
    shown = examples.head(most)
    texts = [text("text", "text")] if "text" in examples else []
    console.print(
        in_terminal(
            table_of(
                shown.to_dict("records"),
                text("id", "id"),
                text("gold", "gold"),
                text("alone", "alone"),
                text("together", "together"),
                number("right alone", lambda row: percent(row["right_alone"])),
                number("together", lambda row: percent(row["right_together"])),
                *texts,
            )
        )
    )
    rest = len(examples) - len(shown)
    if written is not None:
        console.print(f"All {len(examples):,}: {written}", soft_wrap=True)
    elif rest:
        console.print(f"Not shown: {counted(rest, 'more example')}; --most N, or --to FILE.csv.")


def examples_as_json(edge: Edge, n_seeds: int, examples: pd.DataFrame, most: int) -> None:
    """The same as JSON."""
    about = edge.model_dump(mode="json")
    print_json({"edge": about, "seeds": n_seeds, "examples": records_of(examples.head(most))})
