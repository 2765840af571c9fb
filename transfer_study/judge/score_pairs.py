"""What is compared in a table of scores, and whether every model has what it is held against."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from transfer_study.judge.mistakes import Mistakes
from transfer_study.study.arms import GROUPS, SINGLE, arm_of
from transfer_study.study.arms import mixes as mixes_tasks
from transfer_study.study.arms.groups import group_of
from transfer_study.study.joined import apart, joined
from transfer_study.study.reading import Reading

RUN = ["encoder", "reading", "arm", "source", "target", "metric", "seed"]
_HELD = ["encoder", "reading", "target"]
# What may have been meant as no source.
_NOTHING = {"-", "alone", "base", "baseline", "nan", "none", "null", "self", "single"}


def in_readings(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows, a baseline without a reading once for each in which its target is compared.

    That of a target with nothing held against it is in all readings of the table. `said` has the
    reading of each as it was, empty for such a baseline.
    """
    models = rows[rows["arm"] != SINGLE.label]
    every = [str(reading) for reading in Reading if reading in {*models["reading"]}]
    held: dict[tuple[str, str], dict[str, None]] = {}
    for encoder, reading, target in models[_HELD].itertuples(index=False, name=None):
        held.setdefault((encoder, target), {})[reading] = None
    readings = [
        [reading] if reading else [*held.get((encoder, target), every)]
        for encoder, reading, target in rows[_HELD].itertuples(index=False, name=None)
    ]
    said = rows.assign(said=rows["reading"], reading=pd.Series(readings, dtype=object))
    return said.explode("reading", ignore_index=True)


def effect_text(encoder: str, source: str, target: str) -> str:
    """A model, or the baseline of its target, as sentences name it."""
    return f"{encoder}: {source} -> {target}" if source else f"{encoder}: {target} alone"


def check_runs(runs: pd.DataFrame, unread: tuple[str, ...], mistakes: Mistakes) -> None:
    """Note the runs that stand twice, and arms that are several mixes under one name.

    `unread` are the columns without a role, which may tell runs apart.
    """
    several = runs["reading"].nunique() > 1
    apart = f", or by --column a role to what tells them apart ({', '.join(unread)})"
    for about, same in runs[runs.duplicated(RUN, keep=False)].groupby(RUN, sort=False):
        encoder, reading, arm, source, target, _, seed = map(str, about)
        marks = [arm] * (arm != SINGLE.label) + [f"{reading} reading"] * several
        told = f" ({', '.join(marks)})" if marks else ""
        mistakes.add(
            f"found {len(same)} rows of {effect_text(encoder, source, target)}{told}, seed {seed}; "
            "keep one, or give each run a seed of its own" + (apart if unread else ""),
            *same["line"],
        )
    _check_mixes(runs, mistakes)


def faults_of_mixes(runs: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """A sentence for each name that several mixes of tasks share, and the rows that show it."""
    mixed = [
        label
        for label in runs["arm"].unique()
        if (arm := arm_of(label)) is not None and arm.drawn == "rings"
    ]
    mixes = runs[runs["arm"].isin(mixed)]
    for (label, by, _, of), mix in mixes.groupby(["arm", *_HELD], sort=False):
        if mix["source"].nunique() > 1:
            yield (
                f"found the arm {label} of {of} by {by} with the sources "
                f"{' and '.join(mix['source'].unique())}; it is one mix, call others "
                f"{GROUPS.label}:NAME",
                mix,
            )
    groups = mixes[mixes["arm"].map(group_of).notna()]
    for group, mix in groups.groupby("arm", sort=False):
        ends = mix[["source", "target"]].drop_duplicates().itertuples(index=False, name=None)
        members = {joined(sorted((*apart(source), target))): None for source, target in ends}
        if len(members) > 1:
            yield (
                f"found the arm {group} with the tasks {' and with '.join(members)}; a group is "
                "the same tasks for each of its targets, give others another name",
                mix,
            )


def _check_mixes(runs: pd.DataFrame, mistakes: Mistakes) -> None:
    """Note a mix of tasks that is two by its name, or by its scores."""
    for message, mix in faults_of_mixes(runs):
        mistakes.add(message, *mix["line"])
    joint = runs[runs["arm"].isin([label for label in runs["arm"].unique() if mixes_tasks(label)])]
    edge = ["encoder", "reading", "source", "target"]
    named = joint.drop_duplicates([*edge, "arm"])
    twice = named.loc[named.duplicated(edge), edge].drop_duplicates()
    for about, same in joint.merge(twice).groupby(edge, sort=False):
        by, _, source, of = map(str, about)
        found = [{*zip(a["seed"], a["value"], strict=True)} for _, a in same.groupby("arm")]
        if any(scores != found[0] for scores in found):
            mistakes.add(
                f"found {effect_text(by, source, of)} as {' and as '.join(same['arm'].unique())}, "
                "which are the same mix of tasks, with scores that differ; leave one out, or if "
                "the models differ otherwise, say so in the name of the encoder",
                *same["line"],
            )


def check_baselines(runs: pd.DataFrame, mistakes: Mistakes) -> None:
    """Note the models that are held against nothing, and seeds that their baseline lacks."""
    alone = runs["arm"] == SINGLE.label
    models = runs[~alone]
    if models.empty:
        mistakes.add("every row is a baseline; give the rows of models, which have a source")
        return
    seeds = {about: {*of["seed"]} for about, of in runs[alone].groupby(_HELD)}
    several = models["reading"].nunique() > 1
    nothing = sorted(name for name in models["source"].unique() if name.lower() in _NOTHING)
    hint = f" (found the source {nothing[0]!r}; leave it empty in these)" if nothing else ""
    for about, held in models.groupby(_HELD, sort=False):
        encoder, reading, target = map(str, about)
        of = f"{target} by {encoder}" + (f" in the {reading} reading" if several else "")
        own = seeds.get(about, set())
        lacking = held[~held["seed"].isin(own)]
        if not own:
            mistakes.add(
                f"found no baseline of {of}, which models are held against; give rows of {target} "
                f"with an empty source{hint}",
                *held["line"],
            )
        elif len(lacking):
            numbers = ", ".join(map(str, sorted({*lacking["seed"]})))
            mistakes.add(
                f"found models of {of} with seeds that {target} alone lacks: {numbers} (it has "
                f"{', '.join(map(str, sorted(own)))}); runs are paired by seed, so add the "
                "baseline's rows or leave the models' out, and where seeds mean nothing number the "
                "runs of all alike",
                *lacking["line"],
            )
