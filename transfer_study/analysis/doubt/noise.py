"""How much noise the edges of a plan will have, by what a pilot tells: whatever has been run."""

from __future__ import annotations

import numpy as np
import pandas as pd

from transfer_study.analysis.doubt.seed_counts import variance_at
from transfer_study.analysis.edges import Verdict, raw_edges

_NOISE = ["paired_sd", "score_sd", "lent", "example_error"]
_NOISE += ["pilot_seeds", "pilot_test", "pilot_documents"]
_COUNTS = ("n_seeds", "n_baseline_seeds", "n_test")


def with_noise(planned: pd.DataFrame, pilot: pd.DataFrame) -> pd.DataFrame:
    """Planned edges with the noise of a pilot's, a table of deltas of this study or another.

    An edge that has two seeds there is known by itself (`evidence` own), another by all edges into
    the same target and metric (target); where there is none its noise is NaN (none). `paired_sd` is
    what one seed's difference varies by, `score_sd` a run of the model, with `pilot_seeds` seeds
    and the degrees of freedom `lent` by other models; `example_error` and `documents` are those of
    the planned test set.
    """
    # Runs that were all the same, or learned nothing, tell nothing of noise; nor does one document.
    varies = (pilot["seed_sd"] > 0) | (pilot["example_error"] > 0)
    varies &= (pilot["verdict"] != Verdict.NOT_LEARNED) & (pilot["n_documents"] > 1)
    known = raw_edges(pilot[(pilot["n_seeds"] > 1) & varies])
    pairs = variance_at(known["seed_sd"], known["score_sd"], seeds_of(known), (1, 1))
    known = known.assign(lent=lent(known), paired_sd=np.sqrt(pairs))
    key = [name for name in planned if name in pilot and name not in _COUNTS]
    renamed = {"n_seeds": "pilot_seeds", "n_test": "pilot_test", "n_documents": "pilot_documents"}
    # Of a pilot with more axes than the plan, no one edge is the planned one.
    own = known.rename(columns=renamed).drop_duplicates(key, keep=False)[[*key, *_NOISE]]
    table = planned.merge(own, on=key, how="left").merge(
        _pooled(known), on=["target", "metric"], how="left", suffixes=("", "_pooled")
    )
    has_own = table["pilot_seeds"].notna()
    for name in _NOISE:
        table[name] = table[name].where(has_own, table.pop(f"{name}_pooled"))
    evidence = np.where(has_own, "own", np.where(table["pilot_seeds"].notna(), "target", "none"))
    larger = table["n_test"] / table["pilot_test"]
    return table.assign(
        example_error=table["example_error"] / np.sqrt(larger),
        documents=table["pilot_documents"] * larger,
        evidence=evidence,
    )


def lent(edges: pd.DataFrame) -> pd.Series[float]:
    """The degrees of freedom that an edge's seeds' variance has from other models of its target."""
    return (edges["seed_freedom"] - (edges["n_seeds"] - 1)).clip(lower=0).fillna(0)


def seeds_of(edges: pd.DataFrame) -> tuple[pd.Series[int], pd.Series[int]]:
    """How many seeds models have, and their baselines."""
    return edges["n_seeds"], edges["n_baseline_seeds"]


def _pooled(known: pd.DataFrame) -> pd.DataFrame:
    """The noise of the edges into each target by each metric, their variances averaged.

    They share the baseline's runs, so that together they count for no more seeds than one of them.
    """
    freedom = known["n_seeds"] - 1 + known["lent"]
    weighed = known.assign(
        freedom=freedom,
        of_pairs=known["paired_sd"] ** 2 * freedom,
        of_scores=known["score_sd"] ** 2 * freedom,
        of_one_example=known["example_error"] ** 2 * known["n_test"],
    ).groupby(["target", "metric"])
    pooled = pd.DataFrame(
        {
            "paired_sd": np.sqrt(weighed["of_pairs"].sum() / weighed["freedom"].sum()),
            "score_sd": np.sqrt(weighed["of_scores"].sum() / weighed["freedom"].sum()),
            "example_error": np.sqrt(weighed["of_one_example"].mean() / weighed["n_test"].max()),
            "lent": weighed["lent"].max(),
            "pilot_seeds": weighed["n_seeds"].max(),
            "pilot_test": weighed["n_test"].max(),
            "pilot_documents": weighed["n_documents"].max(),
        }
    )
    return pooled.reset_index()
