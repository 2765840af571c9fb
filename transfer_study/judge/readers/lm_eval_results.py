"""The results that lm-evaluation-harness writes beside its samples, which say what a score is."""

from __future__ import annotations

import re
from pathlib import Path

from transfer_study.errors import DataError, Problem
from transfer_study.files import read_json
from transfer_study.judge.named_files import DATE

_TOLERANCE = 1e-6  # between a mean of values and the score as it is written


def check_mean(samples: Path, mean: float, metric: str, filtered: str) -> None:
    """Raise DataError where `results_DATE.json` says that a score is not this mean of samples.

    Nor may it say that less of the metric is better. What it does not say is not checked.
    """
    date = re.search(DATE, samples.stem)
    if date is None:
        return
    results = samples.parent / f"results_{date[0]}.json"
    if not results.is_file():
        return
    try:
        content = read_json(results)
        names = [n for n in content["results"] if samples.stem == f"samples_{n}_{date[0]}"]
        task = names[0]
        score = float(content["results"][task][f"{metric},{filtered}"])
        higher = content.get("higher_is_better", {}).get(task, {}).get(metric, True)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        return  # of another version
    if higher is False:
        raise DataError(
            Problem(f"less {metric} is better; judge a metric of which more is", str(results))
        )
    if abs(mean - score) > _TOLERANCE:
        raise DataError(
            Problem(
                f"the {metric} of {task} is {score:g}, and the mean of its samples {mean:g}; judge "
                "a metric that is their mean, or give scores as a table",
                str(results),
            )
        )
