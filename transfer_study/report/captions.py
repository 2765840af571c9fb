"""What a reader must know to read a figure of a study."""

from __future__ import annotations

from transfer_study.analysis.graph.views import View
from transfer_study.points import counted
from transfer_study.study.correction import Correction
from transfer_study.study.looks import Looks
from transfer_study.study.margin import Margin
from transfer_study.study.study import Arm, Reading, Study

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
        "by max-T over {} (a chance of 5% of any false gain or loss, seeds and test examples of "
        "all edges resampled together)"
    ),
}


def caption(
    study: Study,
    encoder: str,
    reading: str,
    view: View,
    family: int,
    looks: Looks | None = None,
) -> str:
    """What is shown, against which baseline, and how sure it is.

    `family` is the number of edges that are adjusted together.
    """
    certainty = (
        f"{seeds_text(study, looks)}, crossed with the test examples. "
        f"{adjustment(study.correction, counted(family, 'edge'))}"
        if len(study.seeds) > 1
        else "One seed: nothing can be decided."
    )
    departures = {
        Reading.REFINE: study.refine.departures(),
        Reading.FINETUNE: study.finetune.departures(),
    }[Reading(reading)]
    protocol = f" Not the clean protocol: {', '.join(departures)}." if departures else ""
    return (
        f"An edge from A to B is the change of B's test score in points: "
        f"{_compared(view, Reading(reading))} ({encoder}, {reading} reading). "
        f"{_besides(view)}Margin {margin_text(study.margin)}. {certainty}{protocol}"
    )


def seeds_text(study: Study, looks: Looks | None = None) -> str:
    """How many seeds models have, and baselines where these have further ones.

    Of a study with looks, edges have those of the look that decided or ended them.
    """
    own, of_baselines = len(study.seeds), len(study.seeds_of_baselines)
    further = f" ({of_baselines} of the tasks alone)" if of_baselines > own else ""
    if looks is not None and looks.edges:
        given = sorted({edge.n_seeds for edge in looks.edges})
        return f"{' or '.join(map(str, given))} seeds an edge{further}, by looks fixed in advance"
    return f"{counted(own, 'seed')}{further}"


def adjustment(correction: Correction, family: str) -> str:
    """How intervals are adjusted for a family of edges, as a sentence; of none there is nothing."""
    if not family:
        return "There are no edges whose intervals could be adjusted."
    if correction is Correction.NONE:
        return "95% intervals, not adjusted for the number of edges."
    return f"95% intervals adjusted {_CORRECTIONS[correction].format(family)}."


def _compared(view: View, reading: Reading) -> str:
    if Arm.SEQUENTIAL in view.arms:
        return "fine-tuned after fine-tuning on A, against fine-tuning B alone"
    if Arm.LEAVE_ONE_OUT in view.arms:
        after = "fine-tuned after joint training" if reading is Reading.FINETUNE else "trained"
        return f"{after} with all tasks, against all tasks but A"
    if Arm.HEADS_ONLY in view.arms:
        alone = "its own" if reading is Reading.REFINE else "the bare"
        return f"a head on the frozen encoder that A and B refined, against one on {alone} encoder"
    if Arm.SOFT in view.arms:
        after = "fine-tuned after training" if reading is Reading.FINETUNE else "trained"
        return f"{after} beside A, their two encoders tied by a penalty, against B alone"
    return {
        Reading.REFINE: "trained jointly with A, against the same recipe on B alone",
        Reading.FINETUNE: "fine-tuned after joint training with A, against fine-tuning B alone",
    }[reading]


def _besides(view: View) -> str:
    if Arm.LEAVE_ONE_OUT in view.arms:
        return "The score of a task is its score with all tasks. "
    if Arm.DISTIL in view.arms:
        return "A ring is all tasks at once, taught by the single-task models, against B alone. "
    if Arm.GROUPS in view.arms:
        members = " and ".join([", ".join(view.tasks[:-1]), view.tasks[-1]])
        return f"The group, {members}, is trained at once, against each of them alone. "
    return ""


def margin_text(margin: Margin) -> str:
    """A margin in points of the metric, or in percent of the baseline."""
    if margin.absolute is not None:
        points = f"{100 * margin.absolute:g}"
        return f"±{points} point{'' if points == '1' else 's'}"
    assert margin.relative is not None
    return f"±{100 * margin.relative:g}% of the baseline"
