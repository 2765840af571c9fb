"""Texts that are nearly the same: most pairs of neighbouring words are common to both.

Exact, not sampled: of two texts with a Jaccard index of at least t, the rarest (1 - t) n + 1 word
pairs of the one and of the other have one in common (prefix filtering; Chaudhuri, Ganti and
Kaushik, 2006). So few texts are ever compared, and 100,000 sentences take seconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from scipy import sparse

# One word of twenty replaced leaves 17 of 21 word pairs in common.
NEAR = 0.8
# Texts compared at once, so that memory stays small.
_BLOCK = 2000

_Ints = npt.NDArray[np.int64]


def near_duplicates(
    left: Sequence[str], right: Sequence[str], least: float = NEAR
) -> Iterator[tuple[int, int]]:
    """The positions (in left, in right) of texts whose word pairs have a Jaccard index >= least.

    Texts are words separated by spaces; those of a single word are near nothing.
    """
    incidence, sizes = _word_pairs([*left, *right])
    if not incidence.nnz:
        return
    prefixes = _rarest(incidence, sizes - np.ceil(least * sizes - 1e-9).astype(np.int64) + 1)
    theirs = prefixes[len(left) :].T.tocsc()
    for start in range(0, len(left), _BLOCK):
        stop = min(start + _BLOCK, len(left))
        found = (prefixes[start:stop] @ theirs).tocoo()
        ours, others = found.row + start, found.col + len(left)
        a, b = sizes[ours], sizes[others]
        alike = np.minimum(a, b) >= least * np.maximum(a, b)
        ours, others = ours[alike], others[alike]
        common = _common(incidence, ours, others)
        near = common >= least * (sizes[ours] + sizes[others] - common) - 1e-9
        yield from zip(ours[near].tolist(), (others[near] - len(left)).tolist(), strict=True)


def _word_pairs(texts: Sequence[str]) -> tuple[sparse.csr_array, _Ints]:
    """Which text has which word pair, the columns ordered from rare to frequent, and how many."""
    numbers: dict[str, int] = {}
    words: list[int] = []
    rows: list[int] = []
    for n, text in enumerate(texts):
        found = text.split()
        words += [numbers.setdefault(word, len(numbers)) for word in found]
        rows += [n] * len(found)
    word, row = np.array(words, np.int64), np.array(rows, np.int64)
    together = row[1:] == row[:-1]
    pairs = (word[:-1] * len(numbers) + word[1:])[together]
    distinct, column = np.unique(pairs, return_inverse=True)
    ones = np.ones(len(pairs), np.int32)
    counts = sparse.csr_array((ones, (row[1:][together], column)), (len(texts), len(distinct)))
    counts.data[:] = 1  # a pair counts once, however often it stands in a text
    frequency = np.bincount(counts.indices, minlength=len(distinct))
    rank = np.empty(len(distinct), np.int64)
    rank[np.argsort(frequency, kind="stable")] = np.arange(len(distinct))
    ordered = sparse.csr_array((counts.data, rank[counts.indices], counts.indptr), counts.shape)
    ordered.sort_indices()
    return ordered, np.diff(ordered.indptr).astype(np.int64)


def _rarest(incidence: sparse.csr_array, how_many: _Ints) -> sparse.csr_array:
    """The first `how_many` columns of each row."""
    starts = np.repeat(incidence.indptr[:-1], np.diff(incidence.indptr))
    kept = np.arange(incidence.nnz) - starts < np.repeat(how_many, np.diff(incidence.indptr))
    indptr = np.concatenate([[0], np.cumsum(kept)])[incidence.indptr]
    parts = (incidence.data[kept], incidence.indices[kept], indptr)
    return sparse.csr_array(parts, incidence.shape)


def _common(incidence: sparse.csr_array, a: _Ints, b: _Ints) -> _Ints:
    """How many columns rows a and b have in common, pair by pair."""
    counts = [np.zeros(0, np.int64)]
    for start in range(0, len(a), 100 * _BLOCK):
        part = slice(start, start + 100 * _BLOCK)
        both = incidence[a[part]].multiply(incidence[b[part]])
        counts.append(np.asarray(both.sum(axis=1), np.int64))
    return np.concatenate(counts)
