"""Where the numbers of a study carry less than they seem to, in sentences for every form of it."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

import pandas as pd

from transfer_study.analysis.edges import (
    DECIDED,
    SIZE,
    VARIANT,
    Verdict,
    key_of,
    over_a_control,
    raw_edges,
)
from transfer_study.analysis.effects.intervals import ALIKE, ONE_DOCUMENT, ONE_SEED, lacking
from transfer_study.analysis.effects.uncertainty import ROUNDING
from transfer_study.points import counted, points
from transfer_study.study.arms import SINGLE

# Fewer documents than these are worth a word where examples are counted.
_FEW_DOCUMENTS = 30
_LISTED = 5
_SEEDS_TO_STAND_OUT, _DECIDES = 4, 0.5  # of three seeds one always makes half of the variance


def cautions(edges: pd.DataFrame, *, given: bool = False) -> list[str]:
    """What a reader must know of raw edges (rows of `analysis.deltas`), gravest first.

    Of `given` runs there is no study that could be changed and run again.
    """
    return [
        *_not_learned(edges[edges["verdict"] == Verdict.NOT_LEARNED], given=given),
        *_collapsed(edges[edges["collapsed"].astype(bool)]),
        *_without_interval(edges, given=given),
        *_few_documents(edges[edges["n_documents"] > 1].drop_duplicates("target")),
    ]


def _not_learned(edges: pd.DataFrame, *, given: bool) -> Iterator[str]:
    by = [name for name in (VARIANT, "encoder", "reading", "target") if name in edges]
    several = [name for name in by[:-1] if edges[name].nunique() > 1]
    searched = "" if given else " (`transfer-study tune` searches for both)"
    for key, rows in edges.groupby(by, sort=False):
        about = dict(zip(by, _tuple(key), strict=True))
        where = f" ({', '.join(str(about[name]) for name in several)})" if several else ""
        scores = rows["baseline"].mean(), rows["constant"].iloc[0]
        yield (
            f"{about['target']} was not learned{where}: in half of the seeds or more, what its "
            "partners are held against is no better than a constant answer (mean "
            f"{' against '.join(map(points, scores))}), so that nothing can be said of "
            f"{counted(len(rows), 'effect')} on it; give it more epochs, another learning "
            f"rate{searched} or more data."
        )


def _collapsed(edges: pd.DataFrame) -> Iterator[str]:
    if len(edges):
        named = [f"{row['source']} → {row['target']}" for row in edges.to_dict("records")]
        listed = ", ".join(dict.fromkeys(named[:_LISTED]))
        more = f" and {len(named) - _LISTED} more" if len(named) > _LISTED else ""
        yield (
            f"The model did not learn (no better than a constant answer, where its baseline is) in "
            f"{counted(len(edges), 'effect')}: {listed}{more}. A loss there is of training that "
            "failed; another learning rate or more epochs may undo it."
        )


def _without_interval(edges: pd.DataFrame, *, given: bool) -> Iterator[str]:
    if edges.empty:
        return
    named = "the answers' `document`" if given else "`document` or `document_pattern` of the source"
    reasons = pd.Series([lacking(row) for row in edges.to_dict("records")], index=edges.index)
    for reason, rows in edges.groupby(reasons, sort=False):
        targets = ", ".join(dict.fromkeys(rows["target"]))
        if reason == ONE_DOCUMENT:
            yield (
                f"All test examples of {targets} are of one document, which says nothing of how "
                f"documents vary: no interval. Test on several documents, or correct {named}."
            )
        elif reason == ALIKE:
            yield (
                f"Of {counted(len(rows), 'effect')} on {targets} every seed shows the same change: "
                "they have no interval, and say nothing of equivalence."
            )
        elif reason and reason != ONE_SEED:
            yield (
                f"{counted(len(rows), 'effect')} on {targets}: {reason}; what is left rules "
                "nothing out. Run more seeds."
            )


def _few_documents(edges: pd.DataFrame) -> Iterator[str]:
    few = edges[(edges["n_documents"] < _FEW_DOCUMENTS) & (edges["n_documents"] < edges["n_test"])]
    for row in few.to_dict("records"):
        documents = int(row["n_documents"])
        yield (
            f"The {int(row['n_test']):,} test examples of {row['target']} are of {documents} "
            f"documents: intervals are by document (t with {documents - 1} degrees of freedom)."
        )


def over_controls(deltas: pd.DataFrame) -> Iterator[str]:
    """What controls may explain: gains and losses that over a control are something else."""
    key = [name for name in key_of(deltas) if name != "over"]
    changed = raw_edges(deltas[deltas["verdict"].isin([Verdict.GAIN, Verdict.LOSS])])
    both = changed.merge(over_a_control(deltas), on=key, suffixes=("", "_over"))
    judged = both["verdict_over"].isin([Verdict.UNDECIDED, *DECIDED])
    for row in both[judged & (both["verdict"] != both["verdict_over"])].to_dict("records"):
        yield (
            f"{row['source']} → {row['target']} is a {row['verdict']}, over {row['over_over']} it "
            f"is {str(row['verdict_over']).replace('_', ' ')}: that control may explain it."
        )


def outlying_baselines(
    scores: pd.DataFrame, edges: pd.DataFrame, *, given: bool = False
) -> Iterator[str]:
    """Baselines of which one run decides how wide the intervals of all edges of a target are.

    That run's squared deviation is more than half of the seeds' variance of an edge, on the mean
    over the target's edges, of four seeds or more.
    """
    by = [name for name in ("encoder", "reading", VARIANT, "target", "metric") if name in edges]
    if scores.empty or (SIZE in edges and edges[SIZE].nunique() > 1):
        return  # of several sizes there are as many baselines
    key_of_study = "" if given else " (`baseline_seeds` of a study)"
    runs = scores[scores["split"] == "test"].rename(columns={"task": "target"})
    for key, of_target in edges.groupby(by, sort=False):
        here = runs[(runs[by] == list(_tuple(key))).all(axis=1)]
        baseline = here[here["arm"] == SINGLE.label].drop_duplicates("seed")
        arms = here[here["arm"].isin(set(of_target["arm"]))]
        models = arms.groupby(["arm", "source"])["value"].agg(["var", "count"]).dropna()
        if len(baseline) < _SEEDS_TO_STAND_OUT or models.empty:
            continue
        values = baseline["value"].to_numpy(dtype=float)
        squares = (values - values.mean()) ** 2 / (len(values) - 1)
        # Of a mean over so many more runs, each is a smaller part.
        of_models = float((models["var"] / models["count"]).mean()) * len(values)
        share = squares.max() / max(squares.sum() + of_models, ROUNDING)
        if share > _DECIDES:
            run = baseline.iloc[int(squares.argmax())]
            yield (
                f"One run of {run['target']} alone (seed {run['seed']}, {points(run['value'])} "
                f"points, mean {points(values.mean())}) makes {share:.0%} of the "
                f"seeds' variance of the {counted(len(of_target), 'effect')} on it: what steadies "
                "its training narrows all their intervals, and so do further runs of it "
                f"alone{key_of_study}."
            )


def _tuple(key: Hashable) -> tuple[Any, ...]:
    return key if isinstance(key, tuple) else (key,)
