"""What the name of a metric, of ours or of others, says of its scores."""

from __future__ import annotations

import re
from functools import lru_cache

# Metrics that go from -1 to 1, by a word of their names or by how it begins.
_CORRELATIONS = {"corr", "correlation", "kappa", "mcc", "pcc", "rho", "scc", "tau"}
_CORRELATION = re.compile("pearson|spearman|kendall|matthews")
# Errors, of which less is better, by a word of their names.
_ERRORS = {
    *("loss", "error", "err", "mae", "mse", "rmse", "wer", "cer", "ter", "eer", "ece", "brier"),
    *("perplexity", "ppl", "nll", "bpb", "fpr", "fnr"),
}


@lru_cache(maxsize=1024)  # each row of a table has its metric
def least_score(metric: str) -> float:
    """The worst score of a metric whose best is 1: -1 of correlations, kappa and Matthews', else 0.

    A metric of several, such as `pearson+spearman`, goes as far as one of them.
    """
    found = _CORRELATIONS.intersection(_words(metric)) or any(
        map(_CORRELATION.match, _words(metric))
    )
    return -1.0 if found else 0.0


def is_error(metric: str) -> bool:
    """Whether a metric's name is that of an error, of which less is better."""
    return not _ERRORS.isdisjoint(_words(metric))


def _words(metric: str) -> list[str]:
    return re.findall("[a-z]+", metric.lower())
