"""An example has a number."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from transfer_study.study.tasks.kinds.kind import Raw, Report, TakeHome, TaskKind

if TYPE_CHECKING:
    from transfer_study.study.tasks.task import Task

# Beyond it the squares of a loss in single precision (at most 3.4e38) near their end.
LARGEST_SCORE = 1e15


def _read(_: Task, raw: Raw, __: tuple[str, ...], report: Report) -> float | None:
    text = raw if isinstance(raw, str) else ",".join(raw)
    try:
        score = float(text) if "_" not in text else math.nan  # Python would read 1_0 as 10
    except ValueError:
        score = math.nan
    if not math.isfinite(score):
        report(f"the score {text!r} is not a finite number; write one such as 3.5")
    elif abs(score) > LARGEST_SCORE:
        report(
            f"the score {text!r} is beyond {LARGEST_SCORE:g}, where squares overflow in training;"
            " give scores in a larger unit, or mend it"
        )
    else:
        return score
    return None


def _from_text(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise ValueError(f"{text} is not a finite number")
    return value


REGRESSION = TaskKind(
    word="regression",
    metrics=("pearson", "spearman"),
    fewest_labels=0,
    take_home=TakeHome(
        pipeline="text-classification",
        problem="regression",
        answer='print(logits("TASK", **inputs)[0].item())',
        note="The score is the value.",
    ),
    outputs=lambda _: ("score",),
    read_label=_read,
    from_text=_from_text,
    may_answer=lambda *_: True,
    target=lambda _, label: label,
    target_type="float32",
    classes=lambda _: (),
    constants=lambda *_: iter(()),  # a constant correlates with nothing
    unmeasurable=lambda gold, _: f"all its {len(gold)} scores are {gold[0]:g}",
    answered="a number",
)
