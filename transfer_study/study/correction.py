"""How the edges of a study are corrected for being many."""

from __future__ import annotations

from transfer_study.study.frozen import Word


class Correction(Word):
    """What is kept at 5% over all edges of a study and reading."""

    BH = "bh"  # the false discovery rate (Benjamini and Hochberg, 1995)
    BY = "by"  # the same under any dependence (Benjamini and Yekutieli, 2001)
    HOLM = "holm"  # the chance of any false edge (Holm, 1979)
    MAX_T = "max_t"  # the same, using how edges vary together (Westfall and Young, 1993)
    NONE = "none"  # each edge by itself
