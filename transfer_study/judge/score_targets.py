"""What a table of scores says of each target as a whole: its metric, its test set's facts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from transfer_study.judge.mistakes import Mistakes
from transfer_study.judge.score_file import ScoreText
from transfer_study.judge.score_rows import METRIC
from transfer_study.metrics.metric_names import is_error, least_score
from transfer_study.points import counted
from transfer_study.study.spelling import choices


def of_metrics(
    text: ScoreText, metrics: Mapping[str, str], mistakes: Mistakes
) -> tuple[ScoreText, tuple[str, ...]]:
    """The rows of the metrics that are chosen by target, and what to say of those left out.

    A table without that column has the chosen metrics.
    """
    targets = text.fields["target"]
    said = text.fields.get("metric") or [metrics.get(target, METRIC) for target in targets]
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for target, metric in zip(targets, said, strict=True):
        found[target][metric] += 1
    chosen, notes = {}, []
    for target, metric in metrics.items():
        if target not in found:
            mistakes.add(f"--metric: found the target {target!r}; {choices(target, found)}")
        elif metric not in found[target]:
            allowed = choices(metric, found[target])
            mistakes.add(f"--metric: found {metric!r} for {target}; {allowed}")
        else:
            chosen[target] = metric
            notes += [
                f"Left out: {counted(n, 'row')} of {target} by {other}, for --metric has chosen "
                f"{metric}."
                for other, n in found[target].items()
                if other != metric
            ]
    keep = [chosen.get(t, metric) == metric for t, metric in zip(targets, said, strict=True)]
    fields = {
        role: [one for one, kept in zip(column, keep, strict=True) if kept]
        for role, column in {**text.fields, "metric": said}.items()
    }
    lines = [line for line, kept in zip(text.lines, keep, strict=True) if kept]
    return replace(text, fields=fields, lines=lines), tuple(notes)


def check_metrics(rows: pd.DataFrame, mistakes: Mistakes) -> None:
    """Note the targets of several metrics, and errors in the place of a score."""
    for target, of in rows.groupby("target", sort=False):
        metrics = [*map(str, of["metric"].unique())]
        if len(metrics) > 1:
            mistakes.add(
                f"found scores of {target} by {' and '.join(metrics)}; choose one by --metric "
                f"{target}={next((m for m in metrics if not is_error(m)), metrics[0])}",
                *of["line"],
            )
        elif is_error(metrics[0]):
            mistakes.add(
                f"found {target} by {metrics[0]}, an error by its name, and of a score more is "
                "better; give such a score, as 1 less a rate of errors is, with a name of its own",
                *of["line"],
            )


def facts_of_targets(
    rows: pd.DataFrame, role: str, given: Mapping[str, float], mistakes: Mistakes
) -> dict[str, float]:
    """A number by target from a column, where it is not given instead; it is one in all rows."""
    targets = {str(target): None for target in rows["target"]}
    option = f"--{role.replace('_', '-')}"
    for target in given:
        if target not in targets:
            mistakes.add(f"{option}: found the target {target!r}; {choices(target, targets)}")
    facts = dict(given)
    said = rows[rows[role].notna() & ~rows["target"].isin([*given])]
    for name, of in said.groupby("target", sort=False):
        values = of.drop_duplicates(role)
        if len(values) > 1:
            numbers = " and ".join(f"{value:g}" for value in values[role])
            mistakes.add(
                f"found {numbers} as {role} of {name}, which has one test set; write one number "
                f"in all its rows, or give it by {option} {name}=NUMBER",
                *values["line"],
            )
        facts[str(name)] = float(values[role].iloc[0])
    return facts


def check_facts(
    rows: pd.DataFrame,
    constants: Mapping[str, float],
    n_test: Mapping[str, float],
    mistakes: Mistakes,
) -> None:
    """Note constants that their metric cannot have, and numbers of examples that are none."""
    metric = dict(zip(rows["target"], rows["metric"], strict=True))
    for target, constant in constants.items():
        least = least_score(metric.get(target, METRIC))
        if not least <= constant <= 1:
            mistakes.add(
                f"found {constant:g} as the constant of {target}, the score of one answer to all "
                f"examples; it is from {least:g} to 1 (in percent under --percent)"
            )
    for target, n in n_test.items():
        if n < 1 or n % 1:
            mistakes.add(
                f"found {n:g} test examples of {target}; give a whole number of at least 1"
            )
