"""Simulated answers of models to test sets, of which the true scores are known.

An example is hard for all models, a little harder for one arm than for another, and for one run
than for the next; a seed shifts all answers of a run. Hardness has a standard deviation of 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import ndtr

from transfer_study.metrics import from_sums, statistics
from transfer_study.metrics.rows import Floats
from transfer_study.study.tasks.example import Label
from transfer_study.study.tasks.task import MetricName, Task

SEED_SD = 0.05  # one to one and a half points of score
ALL, ARM, RUN = 0.6, 0.1, 0.3  # variance of hardness: for all models, for an arm, for a run
IN_DOCUMENT = 0.3  # how much of the first is the document's
_DRAWN_FOR_TRUTH = 200_000
_GOLD = (np.arange(11) - 5) / 10**0.5  # a scale of eleven scores with variance 1


@dataclass(frozen=True)
class Kind:
    """A kind of example: its gold label, what is said where it is missed, share and hardness."""

    gold: Label
    missed: Label
    share: float
    hardness: float


@dataclass(frozen=True)
class Answers:
    """A test set whose examples are answered right or missed, `document` examples a document."""

    task: Task
    kinds: tuple[Kind, ...]
    document: int = 1

    def truth(self, better: float) -> float:
        """The mean score over all seeds on all examples, of an arm better by so much."""
        shifts = _shifts(np.random.default_rng(0), _DRAWN_FOR_TRUTH)[:, self._side]
        right = self._share * ndtr(better + shifts - self._hardness)
        missed, added = self._rows
        return float(from_sums(self.task.metric, self._share @ missed + right @ added).mean())

    def simulate(
        self, rng: np.random.Generator, arms: Floats, seeds: int, counts: Floats
    ) -> tuple[Floats, Floats]:
        """The scores of arms better by `arms`, [A, S], and on resamples of documents, [A, S, B].

        `counts`, [B, units], says how often a resample has each document.
        """
        units = counts.shape[1]
        n = units * self.document
        # Examples stand by kind: what one kind adds to the sums of all resamples is one product.
        sizes = rng.multinomial(n, self._share)
        document = rng.permutation(n) // self.document
        easy = np.repeat(-self._hardness, sizes) + (ALL * (1 - IN_DOCUMENT)) ** 0.5 * _normal(
            rng, n
        )
        easy += (ALL * IN_DOCUMENT) ** 0.5 * _normal(rng, units)[document]
        able = arms[:, None] + easy + ARM**0.5 * _normal(rng, len(arms), n)
        shifts = _shifts(rng, len(arms) * seeds)[:, self._side].reshape(len(arms), seeds, -1)
        # Right where ability, with a seed's shift and what is the run's own, is above 0.
        bar = -able[:, None] - np.repeat(shifts, sizes, axis=-1)
        right = RUN**0.5 * _normal(rng, len(arms), seeds, n) > bar
        answers = right.reshape(-1, n).astype(np.float32)
        weights = np.concatenate([np.ones((1, units), np.float32), counts])
        if self.document > 1:
            weights = weights[:, document]
        ends = sizes.cumsum()
        spans = [slice(*ends_of) for ends_of in zip(ends - sizes, ends, strict=True)]
        met = np.stack([weights[:, span].sum(axis=1) for span in spans], axis=-1)
        found = np.stack([answers[:, span] @ weights[:, span].T for span in spans], axis=-1)
        missed, added = self._rows
        scores = from_sums(self.task.metric, met @ missed + found @ added)
        scores = scores.reshape(len(arms), seeds, -1)
        return scores[..., 0], scores[..., 1:]

    @cached_property
    def _rows(self) -> tuple[Floats, Floats]:
        """Each kind's statistics where it is missed, and what being right adds; [kinds, k]."""
        gold = [kind.gold for kind in self.kinds]
        missed = [kind.missed for kind in self.kinds]
        documents = [""] * len(gold)
        wrong, right = (
            statistics(self.task.metric, self.task, gold, said, documents).values
            for said in (missed, gold)
        )
        return wrong, right - wrong

    @cached_property
    def _share(self) -> Floats:
        return np.array([kind.share for kind in self.kinds])

    @cached_property
    def _hardness(self) -> Floats:
        return np.array([kind.hardness for kind in self.kinds])

    @cached_property
    def _side(self) -> Floats:
        """Whether a kind has something to find: a seed moves those that have apart from others."""
        nothing = self.task.negative, ("O",) * 4
        return np.array([int(kind.gold not in nothing) for kind in self.kinds])


@dataclass(frozen=True)
class Similarities:
    """A test set of gold scores; those of models are a slope times them, and noise."""

    task: Task
    slope: float

    def truth(self, better: float) -> float:
        """The mean score over all seeds on all examples, of an arm better by so much."""
        shifts = _shifts(np.random.default_rng(0), _DRAWN_FOR_TRUTH)[:, 0]
        slope = self.slope + better + shifts
        if self.task.metric is MetricName.PEARSON:
            return float((slope / np.hypot(slope, 1)).mean())
        # Of two examples, how often the second is said to be less, by where their gold stands.
        middle = (np.arange(11) + 0.5) / 11
        less = ndtr(slope[:, None, None] * (_GOLD[:, None] - _GOLD) / 2**0.5).mean(axis=-1)
        covariance = (less * middle).mean(axis=-1) - 0.25
        return float((covariance / (middle.var() / 12) ** 0.5).mean())

    def simulate(
        self, rng: np.random.Generator, arms: Floats, seeds: int, counts: Floats
    ) -> tuple[Floats, Floats]:
        """The scores of arms better by `arms`, [A, S], and on resamples, [A, S, B]."""
        n = counts.shape[1]
        gold = _GOLD.astype(np.float32)[rng.integers(0, 11, n)]
        shifts = _shifts(rng, len(arms) * seeds)[:, 0].reshape(len(arms), seeds, 1)
        said = RUN**0.5 * _normal(rng, len(arms), seeds, n)
        said += ALL**0.5 * _normal(rng, n) + ARM**0.5 * _normal(rng, len(arms), 1, n)
        said += (self.slope + arms.astype(np.float32)[:, None, None] + shifts) * gold
        x, y = gold[None], said.reshape(-1, n)
        weights = np.concatenate([np.ones((1, n), np.float32), counts]).T
        if self.task.metric is MetricName.PEARSON:
            # The columns of metrics.correlation.products, of all models at once.
            columns = [np.ones_like(x), x, y, x * x, y * y, x * y]
        else:
            values = [
                statistics(self.task.metric, self.task, gold, of_model, gold).values[:, 0]
                for of_model in y
            ]
            columns = [np.array(values), np.ones_like(x)]
        sums = [np.broadcast_to(column @ weights, (len(y), weights.shape[1])) for column in columns]
        scores = from_sums(self.task.metric, np.stack(sums, axis=-1).astype(np.float64))
        scores = scores.reshape(len(arms), seeds, -1)
        return scores[..., 0], scores[..., 1:]


def _shifts(rng: np.random.Generator, models: int) -> Floats:
    """What a seed adds to leaving alone what is nothing, and to finding the rest; [models, 2]."""
    return rng.normal(0, SEED_SD, (models, 2)).astype(np.float32)


def _normal(rng: np.random.Generator, *shape: int) -> Floats:
    return rng.standard_normal(shape, dtype=np.float32)


def _task(kind: str, metric: str, labels: str = "", negative: str | None = None) -> Task:
    source = {"format": "synthetic", "task": "none", "train": 1, "dev": 1, "test": 1}
    about = {"name": metric, "kind": kind, "metric": metric, "source": source}
    return Task.model_validate({**about, "labels": tuple(labels.split()), "negative": negative})


def _tags(sentence: str) -> tuple[str, ...]:
    return tuple("O" if tag == "O" else f"{tag}-X" for tag in sentence)


_CLASSES = _task("classification", "micro_f1", "no a b c", "no")
_KINDS = (
    *(Kind("no", other, 0.25, -1.5) for other in "abc"),
    *(Kind(one, "no", 0.6 * share, -0.4) for one, share in (("a", 0.12), ("b", 0.08), ("c", 0.05))),
    *(
        Kind(one, other, 0.4 * share, -0.6)
        for one, other, share in (("a", "b", 0.12), ("b", "c", 0.08), ("c", "a", 0.05))
    ),
)
SIMULATED: dict[MetricName, Answers | Similarities] = {
    MetricName.ENTITY_F1: Answers(
        _task("tagging", "entity_f1", "X"),
        (
            Kind(_tags("OOOO"), _tags("OBOO"), 0.5, -1.8),
            Kind(_tags("OBOO"), _tags("OOOO"), 0.1, -0.8),
            Kind(_tags("OBIO"), _tags("OBOO"), 0.15, -0.6),
            Kind(_tags("BOBO"), _tags("BOOO"), 0.15, -0.6),
            Kind(_tags("BIOB"), _tags("OBOO"), 0.1, -0.4),
        ),
        document=5,
    ),
    MetricName.MICRO_F1: Answers(_CLASSES, _KINDS, document=5),
    MetricName.MACRO_F1: Answers(
        _CLASSES.model_copy(update={"metric": MetricName.MACRO_F1}), _KINDS
    ),
    MetricName.ACCURACY: Answers(
        _task("classification", "accuracy", "no maybe yes"),
        tuple(
            Kind(gold, missed, 1 / 3, hardness)
            for gold, missed, hardness in (
                ("no", "maybe", -1),
                ("maybe", "yes", -0.6),
                ("yes", "no", -0.8),
            )
        ),
    ),
    MetricName.PEARSON: Similarities(_task("regression", "pearson"), slope=1.2),
    MetricName.SPEARMAN: Similarities(_task("regression", "spearman"), slope=1.2),
}
