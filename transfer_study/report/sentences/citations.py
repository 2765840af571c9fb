"""The works that a report cites, as BibTeX."""

from __future__ import annotations

from transfer_study.study.correction import Correction

_ALWAYS = """\
@inproceedings{peng2020empirical,
  author    = {Peng, Yifan and Chen, Qingyu and Lu, Zhiyong},
  title     = {An Empirical Study of Multi-Task Learning on {BERT} for Biomedical Text Mining},
  booktitle = {Proceedings of the 19th {SIGBioMed} Workshop on Biomedical Language Processing},
  year      = {2020},
  pages     = {205--214},
  doi       = {10.18653/v1/2020.bionlp-1.22}
}
@article{satterthwaite1946approximate,
  author  = {Satterthwaite, Franklin E.},
  title   = {An Approximate Distribution of Estimates of Variance Components},
  journal = {Biometrics Bulletin},
  year    = {1946},
  volume  = {2},
  number  = {6},
  pages   = {110--114},
  doi     = {10.2307/3002019}
}
"""
_OF_EXAMPLES = """\
@book{efron1993introduction,
  author    = {Efron, Bradley and Tibshirani, Robert J.},
  title     = {An Introduction to the Bootstrap},
  publisher = {Chapman \\& Hall},
  year      = {1993}
}
"""
_OF_CORRECTION = {
    Correction.BH: """\
@article{benjamini1995controlling,
  author  = {Benjamini, Yoav and Hochberg, Yosef},
  title   = {Controlling the False Discovery Rate: A Practical and Powerful Approach to Multiple
             Testing},
  journal = {Journal of the Royal Statistical Society: Series B},
  year    = {1995},
  volume  = {57},
  number  = {1},
  pages   = {289--300}
}
""",
    Correction.BY: """\
@article{benjamini2001control,
  author  = {Benjamini, Yoav and Yekutieli, Daniel},
  title   = {The Control of the False Discovery Rate in Multiple Testing under Dependency},
  journal = {The Annals of Statistics},
  year    = {2001},
  volume  = {29},
  number  = {4},
  pages   = {1165--1188}
}
""",
    Correction.HOLM: """\
@article{holm1979simple,
  author  = {Holm, Sture},
  title   = {A Simple Sequentially Rejective Multiple Test Procedure},
  journal = {Scandinavian Journal of Statistics},
  year    = {1979},
  volume  = {6},
  number  = {2},
  pages   = {65--70}
}
""",
    Correction.MAX_T: """\
@book{westfall1993resampling,
  author    = {Westfall, Peter H. and Young, S. Stanley},
  title     = {Resampling-Based Multiple Testing: Examples and Methods for p-Value Adjustment},
  publisher = {Wiley},
  year      = {1993}
}
""",
}
_FALSE_COVERAGE = """\
@article{benjamini2005false,
  author  = {Benjamini, Yoav and Yekutieli, Daniel},
  title   = {False Discovery Rate-Adjusted Multiple Confidence Intervals for Selected Parameters},
  journal = {Journal of the American Statistical Association},
  year    = {2005},
  volume  = {100},
  number  = {469},
  pages   = {71--81},
  doi     = {10.1198/016214504000001907}
}
"""


def bibtex(correction: Correction, *, answers: bool = True) -> str:
    """The study's design and the statistics used, with what a correction rests on.

    Without `answers` no test example was drawn again.
    """
    examples = _OF_EXAMPLES if answers else ""
    coverage = _FALSE_COVERAGE if correction in (Correction.BH, Correction.BY) else ""
    return _ALWAYS + examples + _OF_CORRECTION.get(correction, "") + coverage
