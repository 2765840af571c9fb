"""What a report is about: what was compared, how often, and by what it is judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from typing_extensions import Self

from transfer_study.analysis.graph.views import Shown, View
from transfer_study.study.arms import Arm
from transfer_study.study.choice import PairChoice
from transfer_study.study.correction import Correction
from transfer_study.study.looks import Looks
from transfer_study.study.margin import Margin
from transfer_study.study.plan import Plan
from transfer_study.study.preview import Preview
from transfer_study.study.reading import Reading
from transfer_study.study.study import Study


@dataclass(frozen=True, kw_only=True)
class Design:
    """The comparisons behind a table of edges, of a study or of runs that others made.

    `encoders` and `variants` are names, `n_baseline_seeds` is more than `n_seeds` where tasks alone
    were run more often, and `least_seeds`, where it is given, is what some models have of the
    `n_seeds` that others have. Where a `choice` left pairs unmeasured, `unmeasured` counts their
    edges by reading. `departures` say by reading what is not of the clean protocol. With `given`
    runs nothing is known of how models were trained; those without `answers` were judged by their
    scores alone, whose intervals know nothing of the test sample.
    """

    name: str
    encoders: Sequence[str]
    arms: Sequence[Arm]
    readings: Sequence[Reading]
    views: Sequence[View]
    n_seeds: int
    n_baseline_seeds: int
    margin: Margin
    correction: Correction
    least_seeds: int | None = None
    variants: Sequence[str] = ()
    looks: Looks | None = None
    preview: Preview | None = None
    choice: PairChoice | None = None
    unmeasured: Mapping[str, int] = field(default_factory=dict)
    departures: Mapping[Reading, Sequence[str]] = field(default_factory=dict)
    given: bool = False
    answers: bool = True

    @property
    def fewest_seeds(self) -> int:
        """How many seeds a model has at least."""
        return self.n_seeds if self.least_seeds is None else self.least_seeds

    @classmethod
    def of_plan(cls, plan: Plan) -> Self:
        """That of a plan's study, as far as it was looked at or its pairs were chosen."""
        raw = {r: n for (r, over, control), n in plan.unmeasured.items() if not (over or control)}
        whole = cls.of(plan.study)
        return replace(whole, looks=plan.looks, choice=plan.choice, unmeasured=raw)

    @classmethod
    def of(cls, study: Study) -> Self:
        """That of a study, all of its pairs being measured with its own seeds."""
        recipes = {Reading.REFINE: study.refine, Reading.FINETUNE: study.finetune}
        return cls(
            name=study.name,
            encoders=tuple(encoder.name for encoder in study.encoders),
            arms=study.arms,
            readings=study.readings,
            views=tuple(Shown().views(study)),
            n_seeds=len(study.seeds),
            n_baseline_seeds=max(len(study.seeds), len(study.seeds_of_baselines)),
            margin=study.margin,
            correction=study.correction,
            variants=tuple(study.variants),
            preview=study.preview,
            departures={reading: recipes[reading].departures() for reading in study.readings},
        )
