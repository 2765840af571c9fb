"""What was asked for on the command line, as the values that it stands for."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import ValidationError

from transfer_study.analysis.effects.judgement import Rejudged
from transfer_study.errors import StudyError
from transfer_study.study.correction import Correction
from transfer_study.study.margin import Margin


def rejudged(
    metrics: Sequence[str], margin: str | None, correction: Correction | None
) -> Rejudged | None:
    """What is to be judged otherwise, None where nothing is; raises StudyError for bad spelling."""
    by_task = {}
    for said in metrics:
        task, equals, metric = said.partition("=")
        if not (task and equals and metric):
            raise StudyError(
                f"--metric: found {said!r}; give TASK=METRIC such as chemprot=macro_f1"
            )
        by_task[task] = metric
    asked = Rejudged(_margin(margin) if margin is not None else None, correction, by_task)
    return asked or None


def _margin(said: str) -> Margin:
    number = said.removesuffix("%")
    try:
        share = {"relative": float(number) / 100} if number != said else float(said)
        return Margin.model_validate(share)
    except (ValueError, ValidationError):
        raise StudyError(
            f"--margin: found {said!r}; give a number of at least 0 such as 0.01, or a share of "
            "the baseline such as 5%"
        ) from None
