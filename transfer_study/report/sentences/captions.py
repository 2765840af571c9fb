"""What a reader must know to read a figure of a study."""

from __future__ import annotations

from transfer_study.analysis.graph.views import View
from transfer_study.points import counted
from transfer_study.report.design import Design
from transfer_study.study.arms import arm_of
from transfer_study.study.correction import Correction
from transfer_study.study.margin import Margin
from transfer_study.study.reading import Reading

_CORRECTIONS = {
    Correction.BH: (
        "by Benjamini-Hochberg over {} (false coverage: of the intervals of gains and losses, 5% "
        "are expected to miss)"
    ),
    Correction.BY: (
        "by Benjamini-Yekutieli over {} (false coverage: of the intervals of gains and losses, 5% "
        "are expected to miss, however edges depend on one another)"
    ),
    Correction.HOLM: "by Holm over {} (a chance of 5% of any false gain or loss)",
    Correction.MAX_T: (
        "by max-T over {} (a chance of 5% of any false gain or loss, all edges resampled together)"
    ),
}


def caption(design: Design, encoder: str, reading: str, view: View, family: int) -> str:
    """What is shown, against which baseline, and how sure it is.

    `family` is the number of edges that are adjusted together.
    """
    examples = (
        "crossed with the test examples" if design.answers else "test examples taken as they are"
    )
    certainty = (
        f"{seeds_text(design)}, {examples}. "
        f"{adjustment(design.correction, counted(family, 'edge'))}"
        if design.n_seeds > 1
        else "One seed: nothing can be decided."
    )
    departures = design.departures.get(Reading(reading), ())
    previewed = "" if design.preview is None else f"{design.preview.caution} "
    protocol = f" Not the clean protocol: {', '.join(departures)}." if departures else ""
    return (
        f"{previewed}An edge from A to B is the change of B's test score in points: "
        f"{_compared(view, Reading(reading))} ({encoder}, {reading} reading). "
        f"{_besides(view)}Margin {margin_text(design.margin)}. {certainty}{protocol}"
    )


def seeds_text(design: Design) -> str:
    """How many seeds models have, and baselines where these have further ones.

    Of a study with looks, edges have those of the look that decided or ended them.
    """
    own, of_baselines, looks = design.n_seeds, design.n_baseline_seeds, design.looks
    further = f" ({of_baselines} of the tasks alone)" if of_baselines > own else ""
    if looks is not None and looks.edges:
        given = sorted({edge.n_seeds for edge in looks.edges})
        return f"{' or '.join(map(str, given))} seeds an edge{further}, by looks fixed in advance"
    return f"{seed_counts(design)}{further}"


def seed_counts(design: Design) -> str:
    """How many seeds models have, from the fewest to the most."""
    fewest = f"{design.fewest_seeds} to " if design.fewest_seeds < design.n_seeds else ""
    return f"{fewest}{counted(design.n_seeds, 'seed')}"


def adjustment(correction: Correction, family: str) -> str:
    """How intervals are adjusted for a family of edges, as a sentence; of none there is nothing."""
    if not family:
        return "There are no edges whose intervals could be adjusted."
    if correction is Correction.NONE:
        return "95% intervals, not adjusted for the number of edges."
    return f"95% intervals adjusted {_CORRECTIONS[correction].format(family)}."


def _compared(view: View, reading: Reading) -> str:
    """What an edge of the view is; where rings alone are drawn, as of a pair."""
    arm = arm_of(view.edges)
    assert arm is not None
    assert arm.compared is not None
    return arm.compared[reading]


def _besides(view: View) -> str:
    *first, last = view.tasks or ("",)
    return "".join(arm.note.format(" and ".join([", ".join(first), last])) for arm in view.arms)


def margin_text(margin: Margin) -> str:
    """A margin in points of the metric, or in percent of the baseline."""
    if margin.absolute is not None:
        points = f"{100 * margin.absolute:g}"
        return f"±{points} point{'' if points == '1' else 's'}"
    assert margin.relative is not None
    return f"±{100 * margin.relative:g}% of the baseline"
