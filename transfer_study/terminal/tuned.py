"""What a search for a recipe found: the recipes, their curves, what learns, what is written."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.text import Text

from transfer_study.points import MISSING, counted, points
from transfer_study.report.tables.table import Column, Table, number, table_of
from transfer_study.store.trials import Trial
from transfer_study.study.file.write_recipe import value_text
from transfer_study.terminal.console import headed, in_terminal, print_json, stdout
from transfer_study.terminal.progress import duration
from transfer_study.terminal.trials import short_key
from transfer_study.visible import visible_lines

if TYPE_CHECKING:
    from transfer_study.analysis.advice.tried import Tried
    from transfer_study.tune import Tuned, Tuning, WrittenBest

_LISTED, _CURVES = 12, 5
_BARS = "▁▂▃▄▅▆▇█"
_LONGEST = 32  # epochs of a curve


def print_tuned(tuning: Tuning, found: Tuned, figures: Sequence[Path]) -> None:
    """Print the recipes, the best first, their dev scores by epoch, and what does not learn."""
    console = stdout()
    n, trials = len(found.comparison.tried), sum(trial.ended for trial in found.trials)
    seeds = f"seed{'s' * (len(tuning.seeds) > 1)} {', '.join(map(str, tuning.seeds))}"
    took = duration(sum(trial.seconds for trial in found.trials))
    about = f": {n} recipes, {trials} trials ended, {seeds}, {took} of training"
    console.print(headed(tuning.study.name, about))
    console.print(in_terminal(_recipes(tuning, found)))
    if n > _LISTED:
        console.print(f"... and {n - _LISTED} more (--json lists all)")
    console.print(
        "mean: over the tasks, from the best constant answer (0) to the best score of any "
        "recipe (100). Recipe 1 is the study's own."
    )
    if any(not one.whole for one in found.comparison.tried):
        console.print("–: not tried on all tasks within the budget, and so not chosen.")
    console.print(
        f"\nDev scores by epoch, from each task's worst to its best, by the best {_CURVES} recipes "
        "and the study's own:"
        if n > _CURVES + 1
        else "\nDev scores by epoch, from each task's worst to its best:"
    )
    for target in range(len(tuning.search.targets)):
        _print_curves(console, tuning, found, target)
    for sentence in not_learned_sentences(tuning, found):
        console.print(sentence, style="yellow")
    figure = next((path for path in figures if path.suffix == ".png"), None)
    if figure is not None:
        console.print(f"Figure: {figure}", soft_wrap=True)


def _recipes(tuning: Tuning, found: Tuned) -> Table:
    chosen = found.comparison.chosen
    return table_of(
        found.comparison.tried[:_LISTED],
        number("recipe", "recipe"),
        *(_values(key) for key in tuning.search.space),
        number("learned", lambda one: f"{one.learned}/{len(tuning.search.targets)}"),
        number("mean", lambda one: f"{100 * one.share:.0f}" if one.whole else MISSING),
        number("time", lambda one: duration(one.seconds)),
        style=lambda one: "bold" if one is chosen else "",
    )


def _values(key: str) -> Column:
    return number(short_key(key), lambda one: value_text(one.values[key]))


def _print_curves(console: Console, tuning: Tuning, found: Tuned, target: int) -> None:
    known, constant = tuning.search.targets[target], tuning.constants[target]
    task = known.stages[0].tasks[0].task
    console.print(
        headed(known.name, f" ({task.selection_metric}; a constant answer: {points(constant)})")
    )
    shown = list(found.comparison.tried[:_CURVES])
    shown += [one for one in found.comparison.tried[_CURVES:] if one.recipe == 1]
    of_target = [trial for trial in found.trials if trial.target == target]
    scores = [score for trial in of_target for score in trial.dev]
    low, high = min([constant, *scores]), max([constant, *scores])
    for one in shown:
        own = [trial for trial in of_target if trial.recipe == one.recipe]
        bars = sparkline(_mean_curve(own), low, high)
        score = one.scores[target]
        line = Text(f"{one.recipe:>4}  ")
        line.append(f"{bars:<{min(_longest(of_target), _LONGEST)}}")
        line.append(f"  {points(score):>5}")
        if not math.isnan(score) and not found.comparison.learns(target, score):
            line.append("  not learned", style="yellow")
        line.append("".join(f"  {said}" for said in _endings(own)))
        if one is found.comparison.chosen:
            line.stylize("bold")
        console.print(line)


def _endings(trials: Sequence[Trial]) -> Iterator[str]:
    for trial in trials[:1]:
        if trial.state == "stopped":
            yield f"stopped at {len(trial.dev)}/{trial.epochs}"
        elif trial.state == "failed":
            yield visible_lines(f"failed: {trial.message}")
        elif trial.state == "cut":
            yield "cut by the budget"


def _longest(trials: Sequence[Trial]) -> int:
    return max((len(trial.dev) for trial in trials), default=0)


def _mean_curve(trials: Sequence[Trial]) -> list[float]:
    """The mean over seeds, of each epoch that any has."""
    epochs = range(_longest(trials))
    return [float(np.mean([t.dev[n] for t in trials if len(t.dev) > n])) for n in epochs]


def sparkline(scores: Sequence[float], low: float, high: float) -> str:
    """Scores as bars between two ends; of a long curve, epochs at like distances."""
    if len(scores) > _LONGEST:
        places = np.linspace(0, len(scores) - 1, _LONGEST).round().astype(int)
        scores = [scores[n] for n in places]
    width = high - low or 1.0
    return "".join(_BARS[min(int((s - low) / width * len(_BARS)), len(_BARS) - 1)] for s in scores)


def not_learned_sentences(tuning: Tuning, found: Tuned) -> Iterator[str]:
    """The tasks that the best recipe does not bring above a constant answer, one a sentence."""
    chosen, comparison = found.comparison.chosen, found.comparison
    assert chosen is not None
    for target in found.not_learned(chosen.recipe):
        best, constant = comparison.best[target], comparison.constants[target]
        scores = f"dev {points(chosen.scores[target])}, a constant answer {points(constant)}"
        others = (
            f"others reach {points(best)}, but learn fewer tasks"
            if comparison.learns(target, best)
            else "nor by any other recipe: it wants more examples, more epochs or another encoder"
        )
        yield f"{tuning.search.targets[target].name} is not learned yet ({scores}), {others}."


def print_written(tuning: Tuning, written: WrittenBest) -> None:
    """Print what of the study file is changed, and what that costs."""
    console, name = stdout(), str(tuning.file)
    if written.before == written.after:
        why = "The study's own recipe is the best" if written.learns else "No recipe learns a task"
        console.print(f"{why}; {name} stays as it is.", soft_wrap=True)
        return
    lines = difflib.unified_diff(
        written.before.splitlines(), written.after.splitlines(), n=1, lineterm=""
    )
    for line in list(lines)[2:]:
        style = {"+": "green", "-": "red"}.get(line[:1])
        console.print(line, style=style, soft_wrap=True)
    one = written.behind == 1
    were = f"{counted(written.behind, 'finished stage')} of the study"
    left = f" {were}, by the former recipe, {'is' if one else 'are'} left behind (`run --changed`)."
    said = f"{name} stays as it is (--dry-run)." if written.dry else f"{name} is written."
    console.print(f"{said}{left if written.behind and not written.dry else ''}", soft_wrap=True)
    if written.behind and written.dry:
        console.print(f"{were} would be left behind by it.")


def tuned_as_json(
    tuning: Tuning, found: Tuned, figures: Sequence[Path], written: WrittenBest
) -> None:
    """Print the recipes with the curves of their trials as one JSON object."""
    chosen = found.comparison.chosen
    assert chosen is not None
    content = {
        "study": tuning.study.name,
        "section": tuning.section,
        "seeds": tuning.seeds,
        "space": tuning.search.space,
        "targets": [
            {"name": target.name, "constant": constant, "best": best}
            for target, constant, best in zip(
                tuning.search.targets, tuning.constants, found.comparison.best, strict=True
            )
        ],
        "recipes": [_as_json(tuning, found, one) for one in found.comparison.tried],
        "chosen": chosen.recipe,
        "not_learned": [tuning.search.targets[n].name for n in found.not_learned(chosen.recipe)],
        "written": written.before != written.after and not written.dry,
        "left_behind": written.behind,
        "figures": list(map(str, figures)),
    }
    print_json(content)


def _as_json(tuning: Tuning, found: Tuned, one: Tried) -> dict[str, object]:
    return {
        "recipe": one.recipe,
        "values": one.values,
        "learned": one.learned,
        "share": one.share if one.whole else None,
        "seconds": round(one.seconds, 2),
        "trials": [
            {
                "target": tuning.search.targets[trial.target].name,
                "seed": trial.seed,
                "state": trial.state,
                "dev": trial.dev,
                **({"message": trial.message} if trial.message else {}),
            }
            for trial in found.trials
            if trial.recipe == one.recipe
        ],
    }
