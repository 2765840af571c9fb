"""The sentences that every form of the report says alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import PurePath
from typing import Any

import pandas as pd

from transfer_study.analysis.edges import Verdict, over_a_control
from transfer_study.analysis.effects.intervals import lacking
from transfer_study.analysis.graph.views import MAIN
from transfer_study.points import MISSING, counted, interval, points
from transfer_study.report.content import Content, Recommended, corrected_together
from transfer_study.report.design import Design
from transfer_study.report.sentences.captions import (
    adjustment,
    margin_text,
    seed_counts,
    seeds_text,
)
from transfer_study.report.sentences.cautions import cautions, outlying_baselines, over_controls
from transfer_study.report.sentences.price import price
from transfer_study.report.sentences.stopping import last_epoch_doubt
from transfer_study.study.arms import PAIRS, Control
from transfer_study.study.arms.groups import group_of
from transfer_study.study.correction import Correction
from transfer_study.study.joined import apart
from transfer_study.study.reading import Reading

_VERDICTS = {
    "gain": ("gain", "gains"),
    "loss": ("loss", "losses"),
    "equivalent": ("equivalent", "equivalent"),
    "undecided": ("undecided", "undecided"),
    "not_learned": ("not learned", "not learned"),
}
_ABSENT = "failed", "not_run"


def headline(content: Content) -> str:
    """The verdict in plain words: how many effects are decided, which are the largest."""
    edges, preview = content.edges, content.design.preview
    if edges.empty:
        return "The study compares nothing: it has no edges."
    counts = Counter(edges["verdict"])
    said = [
        f"{counts[word]} {_VERDICTS[word][counts[word] != 1]}" for word in _VERDICTS if counts[word]
    ]
    absent = sum(counts[word] for word in _ABSENT)
    parts = [] if preview is None else [f"A preview of {preview.of}, not the study itself."]
    parts += [f"Of {counted(len(edges), 'effect')}, {_listed(said)}."] if said else []
    unlearned = edges[edges["verdict"] == Verdict.NOT_LEARNED]
    if len(unlearned):
        tasks = list(dict.fromkeys(unlearned["target"]))
        parts.append(
            f"{_listed(tasks)} {'was' if len(tasks) == 1 else 'were'} not learned: no better than "
            "a constant answer."
        )
    if collapsed := int(edges["collapsed"].sum()):
        parts.append(f"In {counted(collapsed, 'effect')} the model did not learn.")
    if content.design.n_seeds == 1:
        parts.append("One seed: nothing can be decided.")
    elif not counts["gain"] and not counts["loss"] and absent + len(unlearned) < len(edges):
        parts.append("No task is shown to help or to hurt another.")
    for verdict, word in (("gain", "Most helpful"), ("loss", "Most harmful")):
        rows = edges[edges["verdict"] == verdict]
        if len(rows):
            parts.append(f"{word}: {effect_text(rows.iloc[int(rows['delta'].abs().argmax())])}.")
    return " ".join(parts) or "Nothing is measured yet."


def completeness(content: Content) -> str:
    """How much of the study is there, what is decided, and at what price."""
    if content.edges.empty:
        return "no edges, for the study compares no tasks"
    measured = (~content.edges["verdict"].isin(_ABSENT)).sum()
    return f"{measured} of {price(content.edges, content.costs)}"


def effect_text(row: pd.Series[Any]) -> str:
    """One edge in a sentence: who, on whom, how much, how sure."""
    size = f" at {row['size']} examples" if pd.notna(row.get("size")) else ""
    variant = f"{row['variant']}, " if "variant" in row else ""
    return (
        f"{source_name(row['source'], row['target'], str(row['arm']))} on {row['target']}{size}, "
        f"{points(row['delta'], signed=True)} points {interval_text(row)} "
        f"({variant}{row['arm']}, {row['reading']} reading, {short_encoder(row['encoder'])})"
    )


def source_name(source: str, target: str, arm: str) -> str:
    """The partners of a target as readers name them: a long list by its length."""
    partners = apart(source)
    if len(partners) <= 2:
        return " and ".join(partners)
    if (group := group_of(arm)) is not None:
        return f"the group {group}"
    return f"all {len(partners)} others" if target not in partners else f"all {len(partners)}"


def interval_text(row: pd.Series[Any] | dict[Any, Any]) -> str:
    """The adjusted interval in points, or why there is none, or a dash."""
    if pd.isna(row["adjusted_low"]):
        return lacking(row) or MISSING
    return interval(row["adjusted_low"], row["adjusted_high"], signed=True)


def methods(content: Content) -> str:
    """The paragraph on methods that a paper can take over."""
    design = content.design
    further = (
        " The mean of a task alone is over all of its runs; those without a model of their seed "
        "are taken to be independent of the others."
        if design.n_baseline_seeds > design.fewest_seeds
        else ""
    )
    readings = sorted({str(reading) for reading in content.deltas["reading"]})
    families = " and ".join(
        f"{counted(n, 'edge')} ({reading} reading)"
        for reading in readings
        for n in [corrected_together(design, content.deltas, reading)]
    )
    how = {
        Reading.REFINE: "after joint training, against the same recipe on the target alone",
        Reading.FINETUNE: "fine-tuned after joint training, against fine-tuning alone",
    }
    jointly = any(arm in MAIN.arms for arm in design.arms)
    compared = "; ".join(
        [
            *(f"{reading}: {how[Reading(reading)]}" for reading in readings if jointly),
            *(
                f"{arm.title} of A on B, {reading}: {arm.compared[Reading(reading)]}"
                for arm in design.arms
                if arm.title and arm.compared
                for reading in readings
                if reading in arm.readings
            ),
        ]
    )
    controls = sorted(set(over_a_control(content.deltas)["over"]))
    told = _listed(Control.known[word].told for word in controls) if controls else ""
    over = f" Effects were also taken over controls: {told}." if controls else ""
    adjusted = adjustment(design.correction, families)
    of_less = f"{design.preview.caution} " if design.preview is not None else ""
    constant = (
        " Where the baseline is in most seeds no better than the best constant answer, the target "
        "was not learned and nothing is said of effects on it."
        if content.deltas["constant"].notna().any() or not design.given
        else ""
    )
    return (
        f"{of_less}The transfer from a task to another is the change of the other's test score "
        f"({compared}), paired by seed over {seeds_text(design)}, following the "
        f"design of Peng et al. (2020).{further} {_source(design)} "
        f"{_variance(design)}; an interval adjusted "
        "for many edges, which stands in the tails, takes the seeds' variance to be as uncertain "
        "as so few seeds make it (Behrens and Fisher). From three seeds on, the variance of a "
        "model's runs is moderated by that of the target's other models that share its baseline, "
        f"and the difference by how runs of one seed correlate. {adjusted} Effects within the "
        "margin count among no rejections, and equivalence is tested, and corrected, by itself. "
        "An edge "
        "is a gain or a loss where its adjusted interval excludes 0 and its delta exceeds the "
        f"margin of {margin_text(design.margin)}, equivalent where the interval lies within the "
        f"margin, and undecided otherwise.{constant}"
        f"{over}{_chosen(design)}{content.training and ' ' + content.training}"
    )


def _chosen(design: Design) -> str:
    """How pairs came to be measured where not all were."""
    if design.choice is None:
        return ""
    return (
        " Which pairs were measured was chosen in rounds, within a budget: those that were likely "
        "to decide most for their cost, by what the pairs measured before let expect of the others "
        "(random effects of sources and targets). A chosen pair was trained with all seeds of the "
        "study, whatever these showed, and verdicts are corrected for all of its edges, the p of "
        "those not measured taken as 1."
    )


def _source(design: Design) -> str:
    """What all numbers are computed from."""
    if not design.given:
        return "All numbers were computed from saved predictions."
    of = "their predictions" if design.answers else "their scores alone"
    return f"The models were trained elsewhere, and are judged by {of}."


def _variance(design: Design) -> str:
    """What the interval of a mean is made of."""
    if not design.answers:
        return (
            "The interval of a mean delta is a t interval over seeds on the one test set that "
            "there is: of how another sample of test examples would differ it knows nothing"
        )
    return (
        "The interval of a mean delta is a t interval whose variance takes seeds and test "
        "examples as crossed: the variance over seeds over their number, plus "
        "the bootstrap variance over test examples (whole documents where "
        "they are known, the same resamples for every model), less their interaction, below which "
        "the seeds' is never taken, with Satterthwaite's degrees of freedom"
    )


def doubts(content: Content) -> list[str]:
    """How the edges could be wrong, each in a sentence."""
    design = content.design
    previewed = [] if design.preview is None else [design.preview.caution]
    said = [*previewed, *cautions(content.edges, given=design.given), *content.warnings]
    looks = design.looks
    fewest = design.fewest_seeds if looks is None else looks.counts[0]
    if fewest < 5:
        seeds = seed_counts(design) if looks is None else counted(fewest, "seed")
        said.append(
            f"{seeds}: intervals are wide; undecided means not known, not that there is no effect."
        )
    if design.correction is Correction.NONE:
        said.append("Intervals are not adjusted for the number of edges: some gains are chance.")
    said += over_controls(content.deltas)
    said += outlying_baselines(content.scores, content.edges, given=design.given)
    if over_a_control(content.deltas).empty:
        said.append(
            "No controls were run: an effect may come from longer training or from more text, not "
            "from what the partner teaches."
        )
    said += last_epoch_doubt(content.made)
    said += [
        f"Not the clean protocol ({reading}): {', '.join(departures)}."
        for reading, departures in design.departures.items()
        if departures
    ]
    said += filter(None, [content.left_out, *content.absent.values()])
    if design.given:
        said.append(
            "How the models were trained is not known here, nor whether epochs were chosen on test "
            "data or texts of a test set are in training data."
        )
        if PAIRS in design.arms:
            said.append(
                "A model with one source is taken to have learned it together with its target, "
                "where nothing says that it came before (--arm sequential)."
            )
    elif content.leaks is None:
        said.append("The data were not searched for leaks between training and test.")
    elif len(content.leaks):
        said.append("The data leak in places: see the findings below.")
    said.append(
        "The effects are of these data, this encoder, this recipe and these sizes; another choice "
        "of any of them may turn an edge."
    )
    return said


def advised(content: Content) -> list[tuple[str, Recommended]]:
    """All advice, each under a heading of its own: the task, and what is not the same for all.

    The other protocols of a study have reports of their own, which say so.
    """
    advice = content.recommendations or ()
    axes = ("encoder", "reading", "variant")
    told = [axis for axis in axes if len({getattr(one, axis) for one in advice}) > 1]
    other = [f"protocol {protocol}" for protocol in content.protocols]
    return [
        (", ".join([one.task, *(_about(one, axis) for axis in told), *other]), one)
        for one in advice
    ]


def _about(advice: Recommended, axis: str) -> str:
    said = {"encoder": short_encoder(advice.encoder), "reading": f"{advice.reading} reading"}
    return said.get(axis, advice.variant)


def short_encoder(name: str) -> str:
    """An encoder as readers know it; a folder of another machine means nothing to them."""
    return PurePath(name).name if name[:1] in ("/", ".", "~") else name


def _listed(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
