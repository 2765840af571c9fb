"""The data of the page, once, for its script: tasks, frames, stages and doubts.

An effect is a list in the order of EFFECT. Its `slot` says where it is shown: source times tasks
plus target for an edge, tasks squared plus target for a ring. Stages and doubts are numbers of
their lists.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any

from transfer_study.points import DECIMALS
from transfer_study.report.page.doubts import doubts_of
from transfer_study.report.page.frames import AXES, EDGE_NUMBERS, Frame, ShownEffect
from transfer_study.report.page.graph import packed
from transfer_study.report.page.scale import limit_of
from transfer_study.report.page.subject import Subject
from transfer_study.report.sentences import meaning

EFFECT = (
    *("slot", "arm", "verdict", *EDGE_NUMBERS, "by_seed", "runs", "over"),
    *("said", "parts", "doubts"),
)
_CORRECTIONS = {
    "bh": "Benjamini-Hochberg",
    "by": "Benjamini-Yekutieli",
    "holm": "Holm",
    "max_t": "max-T",
    "none": "not adjusted",
}
PART = ("by", "part", "n", "baseline", "score", "delta", "adjusted_low", "adjusted_high", "verdict")
OVER = ("delta", "adjusted_low", "adjusted_high", "adjusted_p", "verdict")


def payload(subject: Subject, graphs: Sequence[Sequence[str]]) -> str:
    """The data as JSON that is safe inside a script element; `graphs` are those of each frame."""
    content = subject.content
    words, stages = _Numbered(), _Numbered()
    listed = [
        {**_frame(frame, subject, words, stages), "graphs": list(map(packed, drawn))}
        for frame, drawn in zip(subject.frames, graphs, strict=True)
    ]
    data = {
        "study": content.design.name,
        "margin": {
            "absolute": content.design.margin.absolute,
            "relative": content.design.margin.relative,
        },
        "correction": _CORRECTIONS[content.design.correction],
        "tasks": [
            {**task, "name": name, "brief": subject.brief[name]}
            for name, task in subject.tasks.items()
        ],
        "chosen": subject.number[subject.chosen],
        "axes": AXES,
        "effect": EFFECT,
        "over": OVER,
        "part": PART,
        "frames": listed,
        "stages": list(stages),
        "failed": [n for n, stage in enumerate(stages) if stage in content.failed],
        "doubts": list(words),
        "recipes": content.recipes,
    }
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # `<` begins an end tag or a comment, and nothing else in JSON needs it.
    return text.replace("<", "\\u003c")


class _Numbered:
    """Values by the order in which they were first seen."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def __getitem__(self, value: str) -> int:
        return self._numbers.setdefault(value, len(self._numbers))

    def __iter__(self) -> Any:
        return iter(self._numbers)


def _frame(frame: Frame, subject: Subject, words: _Numbered, stages: _Numbered) -> dict[str, Any]:
    return {
        "at": [frame.at[axis] for axis in AXES],
        "caption": frame.caption,
        "family": frame.family,
        "number": frame.view.number,
        "base": subject.base_label(frame),
        "partner": subject.partner_label(frame),
        "limit": limit_of(frame, subject.content.design.margin),
        "kinds": subject.kinds(frame),
        "effects": [_effect(e, frame, subject, words, stages) for e in frame],
    }


def _effect(
    effect: ShownEffect, frame: Frame, subject: Subject, words: _Numbered, stages: _Numbered
) -> list[Any]:
    return [
        subject.slot(effect, frame),
        effect.arm,
        effect.verdict,
        *_plain(effect.numbers[key] for key in EDGE_NUMBERS),
        _plain(effect.by_seed),
        [[seed, stages[stage], stages[alone]] for seed, stage, alone in effect.runs],
        {
            control: [*_plain(over.numbers[key] for key in OVER[:-1]), over.verdict]
            for control, over in effect.over.items()
        },
        meaning.sentences(effect.meaning),
        [
            [_number(value) if isinstance(value, float) else value for value in map(row.get, PART)]
            for row in meaning.parts(effect.meaning)
        ],
        [words[doubt] for doubt in doubts_of(effect, frame, subject.content)],
    ]


def _plain(values: Iterable[float]) -> list[float | int | None]:
    """Numbers with the decimals of the files; null where there is none."""
    return [_number(value) for value in values]


def _number(value: float) -> float | int | None:
    if not math.isfinite(value):
        return None
    rounded = round(value, DECIMALS)
    return int(rounded) if rounded == int(rounded) else rounded
