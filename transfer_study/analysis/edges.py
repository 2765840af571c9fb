"""Edges as a table: what its columns are called, of which type they are, and what they hold.

The CSV file, the page of its columns and the check of every such table come from here, and so do
the ways to select edges. A row is an edge, or an edge over a control.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from transfer_study.study.arms import Control, mixes
from transfer_study.study.frozen import Word

if TYPE_CHECKING:
    import pandas as pd

VARIANT, SIZE, LOOK = "variant", "size", "look"  # columns of the studies that have several


class Verdict(Word):
    """What an edge's numbers allow to say."""

    GAIN = "gain"
    LOSS = "loss"
    EQUIVALENT = "equivalent"
    UNDECIDED = "undecided"
    NOT_LEARNED = "not_learned"  # the model it is held against is no better than a constant answer
    FAILED = "failed"
    NOT_RUN = "not_run"


DECIDED = (Verdict.GAIN, Verdict.LOSS, Verdict.EQUIVALENT)


@dataclass(frozen=True, slots=True)
class EdgeColumn:
    """What a column holds and of which type; a key is part of what names an edge.

    A number may be missing (NaN), and so may an optional count; an optional column is that of some
    studies alone.
    """

    type: Literal["word", "number", "count", "flag"]
    meaning: str
    key: bool = False
    optional: bool = False

    def holds(self, values: pd.Series) -> bool:
        """Whether values are of the type."""
        from pandas.api import types

        match self.type:
            case "word":
                return bool(values.map(lambda value: isinstance(value, str)).all())
            case "number":
                return types.is_float_dtype(values)
            case "count":
                return types.is_integer_dtype(values)
            case "flag":
                return types.is_bool_dtype(values)


MEANINGS: Mapping[str, str] = {
    "encoder": "The encoder, as the study names it; `NAME+mlm` after pretraining.",
    "reading": "`refine`: the joint model itself; `finetune`: the model fine-tuned from it.",
    VARIANT: "The recipe, by its name under `variants`.",
    SIZE: "How many training examples the target has; empty where it has but one size.",
    "source": "The task whose effect it is, several joined by `+`; empty for none.",
    "arm": (
        "Which tasks are learned together: `single`, `pair`, `full`, `group:NAME` or another of "
        "[the arms](arms.md); or one of [the controls](controls.md)."
    ),
    "metric": "The metric of the target.",
    "low": "Where the 95% interval of the delta begins, of the edge by itself.",
    "high": "Where it ends.",
    "p": "p of the test that the delta is 0, of the edge by itself.",
    "constant": (
        "What the best constant answer scores: a run that is not above it has learned nothing."
    ),
}


def _key(name: str, meaning: str = "", *, optional: bool = False) -> EdgeColumn:
    kind: Literal["word", "count"] = "count" if name == SIZE else "word"
    return EdgeColumn(kind, meaning or MEANINGS[name], key=True, optional=optional)


# In the order of deltas.csv.
COLUMNS: Mapping[str, EdgeColumn] = {
    VARIANT: _key(VARIANT, optional=True),
    "encoder": _key("encoder"),
    "source": _key("source"),
    "target": _key("target", "The task whose test score changes."),
    SIZE: _key(SIZE, optional=True),
    "arm": _key("arm"),
    "reading": _key("reading"),
    "metric": _key("metric"),
    "over": _key("over", "The control whose effect is taken away; empty for the edge itself."),
    "baseline": EdgeColumn(
        "number", "The mean score, over seeds, of what the model is held against."
    ),
    "score": EdgeColumn("number", "The mean score of the model: baseline + delta."),
    "delta": EdgeColumn("number", "The effect: the mean difference of scores over seeds."),
    "low": EdgeColumn("number", MEANINGS["low"]),
    "high": EdgeColumn("number", MEANINGS["high"]),
    "p": EdgeColumn("number", MEANINGS["p"]),
    "adjusted_low": EdgeColumn(
        "number", "Where the interval begins that is adjusted for all edges of the reading."
    ),
    "adjusted_high": EdgeColumn(
        "number",
        "Where it ends. The verdict goes by the adjusted interval and the margin.",
    ),
    "adjusted_p": EdgeColumn("number", "p adjusted alike; 1 for an effect within the margin."),
    "level": EdgeColumn(
        "number", "What the adjusted interval leaves out: 0.05 for one edge alone, less for many."
    ),
    "seed_sd": EdgeColumn(
        "number",
        "What one seed's difference varies by: the seeds' part of the error times the root of "
        "`n_seeds`.",
    ),
    "score_sd": EdgeColumn(
        "number",
        "What the score of one run of the model varies by, as a standard deviation.",
    ),
    "seed_freedom": EdgeColumn("number", "The degrees of freedom from which `seed_sd` is known."),
    "example_error": EdgeColumn(
        "number", "The part of the standard error that more seeds do not take away."
    ),
    "freedom": EdgeColumn("number", "The degrees of freedom of the whole error."),
    "n_seeds": EdgeColumn("count", "The seeds for which all scores exist."),
    "n_baseline_seeds": EdgeColumn(
        "count", "The seeds of the baseline; more than `n_seeds` under `baseline_seeds:`."
    ),
    "n_test": EdgeColumn("count", "Test examples."),
    "n_documents": EdgeColumn(
        "count", "The units that are resampled: documents, or examples where none are named."
    ),
    "constant": EdgeColumn("number", MEANINGS["constant"]),
    "collapsed": EdgeColumn("flag", "`True` where the baseline learned and the model did not."),
    "verdict": EdgeColumn(
        "word",
        "`gain`, `loss`, `equivalent`, `undecided`, `not_learned`, `failed` or `not_run`: "
        "[what they mean](undecided.md).",
    ),
    LOOK: EdgeColumn(
        "count",
        "Of a study judged by looks: which of them decided the edge; empty where none has.",
        optional=True,
    ),
}


def key_of(table: pd.DataFrame) -> list[str]:
    """The columns of a table that name an edge, of deltas or of what they compare, in its order."""
    return [name for name in map(str, table) if name in COLUMNS and COLUMNS[name].key]


def edge_table(rows: Sequence[Mapping[str, object]], key: Collection[str]) -> pd.DataFrame:
    """The table of rows, in the order of its columns, of edges that these columns name."""
    import pandas as pd

    names = [
        n for n, column in COLUMNS.items() if (n in key if column.key else not column.optional)
    ]
    counts = {name: "Int64" for name in names if name == SIZE}
    return checked(pd.DataFrame(rows, columns=names).astype(counts))


def checked(table: pd.DataFrame) -> pd.DataFrame:
    """The table of edges as it is; raises ValueError for what is none.

    Every column is known and of its type, none is lacking, no edge has a second row, and verdicts
    are among those that there are.
    """
    lacking = [n for n, column in COLUMNS.items() if n not in table and not column.optional]
    wrong = [
        name
        for name in map(str, table)
        if name not in COLUMNS or not (table.empty or COLUMNS[name].holds(table[name]))
    ]
    if lacking or wrong:
        raise ValueError(f"no table of edges: it lacks {lacking}, and {wrong} are unknown or wrong")
    if unknown := {*table["verdict"]} - {*Verdict}:
        raise ValueError(f"no table of edges: it has the verdicts {sorted(unknown)}")
    if table.duplicated(key_of(table)).any():
        raise ValueError("no table of edges: an edge has two rows")
    return table


def raw_edges(table: pd.DataFrame) -> pd.DataFrame:
    """The edges themselves, and controls as edges: nothing over a control."""
    return table[table["over"] == ""]


def over_a_control(table: pd.DataFrame) -> pd.DataFrame:
    """What is left of edges over their controls."""
    return table[table["over"] != ""]


def are_controls(table: pd.DataFrame) -> pd.Series[bool]:
    """Which rows are of controls, which are no family of the study's edges."""
    return table["arm"].isin([*Control.known])


def asked_edges(table: pd.DataFrame) -> pd.DataFrame:
    """What a study asks: no controls, and nothing over them."""
    return table[(table["over"] == "") & ~are_controls(table)]


def same_edges(table: pd.DataFrame) -> pd.Series[int]:
    """The number of the edge that each row shows, by what names it; the same edge, the same number.

    Tasks that plainly share an encoder are the same stage whatever the arm is called, such as the
    pair of a study's only two tasks, which is its full mix: such an edge has a row an arm, and
    counts once.
    """
    joint = table["arm"].map(lambda label: mixes(str(label))).astype(bool)
    key = [*key_of(table), *(name for name in ("protocol",) if name in table)]
    named = table[key].assign(arm=table["arm"].mask(joint, "joint"))
    return named.groupby(key, sort=False, dropna=False).ngroup()


def repeated(table: pd.DataFrame) -> pd.Series[bool]:
    """Which rows show an edge that an earlier row shows."""
    return same_edges(table).duplicated()


def distinct_edges(table: pd.DataFrame) -> pd.DataFrame:
    """What a study asks, an edge of two names under its first."""
    rows = asked_edges(table)
    return rows[~repeated(rows)]
