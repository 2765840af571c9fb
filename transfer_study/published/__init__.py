"""What the original study published, as data: every score, every word on its figure, every corpus.

Source: Yifan Peng, Qingyu Chen and Zhiyong Lu, "An Empirical Study of Multi-Task Learning on BERT
for Biomedical Text Mining", BioNLP 2020, https://aclanthology.org/2020.bionlp-1.22/.
`published_scores.csv` has Tables 2 to 6, `figure2_claims.csv` what the text says of Figure 2,
`table1_corpora.csv` Table 1; `notes.csv` has what must be known to read some of the scores. The
other files say what the paper's names are called here.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files

from transfer_study.study.encoder import Encoder
from transfer_study.study.frozen import Word
from transfer_study.study.tasks.task import MetricName

SOURCE = "Peng, Chen and Lu (2020)"
CAUTION = (
    "single runs, trained on train + dev, with the epoch of the best test score; the single-task "
    "values are those of the BLUE table, not retrained"
)
ANY = "*"


class SystemKind(Word):
    """What the rows of the paper's tables are."""

    SINGLE = "single task"
    REFINEMENT = "MT-Refinement"
    FINE_TUNE = "MT-Fine-Tune"


class ClaimedEffect(Word):
    """What the paper says that training with one task does to another."""

    IMPROVES = "improves"
    CAN_IMPROVE = "can_improve"  # at least one gain among the edges
    NOT_IMPROVES = "not_improves"  # anything but a gain
    BARELY = "barely"  # no gain of a point or more
    MIXED = "mixed"  # at least one gain and one loss among the edges


@dataclass(frozen=True, slots=True)
class Corpus:
    """A task of the paper: its name there and here, its domain, and the metric of its scores."""

    published: str
    task: str
    domain: str
    metric: MetricName


@dataclass(frozen=True, slots=True)
class PublishedScore:
    """A score by what gave it; the same score in several tables is one.

    `mix` are the tasks that were learned together, of a single-task model the one. `value` is a
    fraction of 1, rounded to three decimals.
    """

    encoder: str
    system: SystemKind
    mix: frozenset[str]
    task: str
    metric: MetricName
    value: float
    tables: tuple[int, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Claim:
    """What the paper says of some edges of Figure 2, which shows joint training of two tasks."""

    domain: str
    source: str  # a task, or `*` for every other task of the domain
    target: str
    effect: ClaimedEffect
    wording: str

    @property
    def edges(self) -> tuple[tuple[str, str], ...]:
        """The source and target of every edge that the claim is about."""
        names = [corpus.task for corpus in corpora() if corpus.domain == self.domain]
        sources = names if self.source == ANY else [self.source]
        targets = names if self.target == ANY else [self.target]
        return tuple((a, b) for a in sources for b in targets if a != b)


def _rows(name: str) -> Iterator[dict[str, str]]:
    text = files(__name__).joinpath(f"{name}.csv").read_text(encoding="utf-8")
    return csv.DictReader(text.splitlines())


@cache
def corpora() -> tuple[Corpus, ...]:
    """The tasks of the paper, in the order of its Table 1."""
    domain = {row["corpus"]: row["domain"] for row in _rows("table1_corpora")}
    return tuple(
        Corpus(row["published"], row["task"], domain[row["published"]], MetricName(row["metric"]))
        for row in _rows("tasks")
    )


@cache
def published_scores() -> tuple[PublishedScore, ...]:
    """Every score of Tables 2 to 6, in their order."""
    tasks = {corpus.published: corpus for corpus in corpora()}
    models = {row["model"]: row for row in _rows("models")}
    rows = list(_rows("published_scores"))
    mixes: dict[str, frozenset[str]] = {}
    for row in rows:
        mixes[row["table"]] = mixes.get(row["table"], frozenset()) | {tasks[row["task"]].task}
    scores: dict[tuple[object, ...], PublishedScore] = {}
    for row in rows:
        model, corpus = models[row["model"]], tasks[row["task"]]
        system = SystemKind(model["system"])
        mix = frozenset({corpus.task}) if system is SystemKind.SINGLE else mixes[row["table"]]
        said = [note for note in _rows("notes") if _is_of(note, row)]
        key = (model["encoder"], system, mix, corpus.task)
        tables, notes = (scores[key].tables, scores[key].notes) if key in scores else ((), ())
        scores[key] = PublishedScore(
            encoder=model["encoder"],
            system=system,
            mix=mix,
            task=corpus.task,
            metric=MetricName(next((n["metric"] for n in said if n["metric"]), corpus.metric)),
            value=float(row["score"]),
            tables=(*tables, int(row["table"])),
            notes=tuple(dict.fromkeys([*notes, *(note["note"] for note in said)])),
        )
    return tuple(scores.values())


def _is_of(note: dict[str, str], row: dict[str, str]) -> bool:
    return all(fnmatchcase(row[key], note[key]) for key in ("table", "model", "task"))


@cache
def claims() -> tuple[Claim, ...]:
    """What the paper's text says of Figure 2."""
    names = {ANY: ANY, **{corpus.published: corpus.task for corpus in corpora()}}
    return tuple(
        Claim(
            row["domain"],
            names[row["source"]],
            names[row["target"]],
            ClaimedEffect(row["effect"]),
            row["wording"],
        )
        for row in _rows("figure2_claims")
    )


def published_encoder(encoder: Encoder) -> str | None:
    """The paper's name of an encoder, known by its name or hub id; None for any other."""
    known = {name.casefold(): paper for name, paper in known_encoders().items()}
    return known.get(encoder.name.casefold()) or known.get(encoder.source.casefold())


@cache
def known_encoders() -> dict[str, str]:
    """The paper's encoders by every name that they go by here."""
    return {row["known_as"]: row["encoder"] for row in _rows("encoders")}
