"""An example has candidates, of which one is right: the questions of exams.

A label is the letter of the right candidate, A being the first. A model reads the text with each
candidate by itself and gives it one score, so that it cannot know the candidates' places.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from string import ascii_uppercase as letters
from types import MappingProxyType
from typing import TYPE_CHECKING

from transfer_study.study.characters import composed
from transfer_study.study.spelling import did_you_mean
from transfer_study.study.tasks.example import Example, Label
from transfer_study.study.tasks.kinds.kind import (
    Constant,
    Raw,
    Report,
    TakeHome,
    TaskKind,
    always,
    by_frequency,
)
from transfer_study.study.tasks.source import ANSWER_KEYS, SyntheticSource

if TYPE_CHECKING:
    from transfer_study.study.tasks.task import Task

# A single candidate asks nothing, and more than this many have no letters.
FEWEST, MOST = 2, len(letters)


def place_of(label: Label) -> int:
    """The place of the right candidate, counted from 0."""
    return letters.index(str(label))


def _read(task: Task, raw: Raw, candidates: tuple[str, ...], report: Report) -> str | None:
    assert not isinstance(task.source, SyntheticSource) and isinstance(raw, str)
    n, key = len(candidates), task.source.answer_key
    if not FEWEST <= n <= MOST:
        report(f"found {n} candidate{'' if n == 1 else 's'}; give {FEWEST} to {MOST}")
        return None
    if "" in map(str.strip, candidates):
        empty = next(letters[k] for k in range(n) if not candidates[k].strip())
        report(f"the candidate {empty} of {n} is empty; fill it in, or move the later ones up")
        return None
    written = [composed(text) for text in candidates]
    names = {
        "letter": [*letters[:n]],
        "text": written,
        "from_0": [str(k) for k in range(n)],
        "from_1": [str(k + 1) for k in range(n)],
    }[key]
    said = raw.upper() if key == "letter" else raw
    if said not in names:
        others = " or ".join(other for other in ANSWER_KEYS if other != key)
        allowed = ", ".join(map(repr, names)) if key == "text" else f"{names[0]} to {names[-1]}"
        near = did_you_mean(raw, names) if key == "text" else "."
        report(
            f"the label {raw!r} is none of the {n} candidates; allowed: {allowed}{near} Correct it,"
            f" or set the source's `answer_key`, which is {key}, to {others}"
        )
        return None
    right = names.index(said)
    twice = [k for k in range(n) if written[k] == written[right]]
    if len(twice) > 1:
        places = " and ".join(letters[k] for k in twice)
        report(f"the candidates {places} are both {written[right]!r}, the right one; change one")
        return None
    return letters[right]


def _sequences(example: Example) -> list[tuple[str, ...]]:
    """The text with each candidate; of two texts the second goes with the candidate."""
    first, *second = example.text
    return [(first, " ".join(filter(None, (*second, text)))) for text in example.candidates]


def _from_text(text: str) -> str:
    if len(text) != 1 or text not in letters:
        raise ValueError(f"{text[:60]!r} is not the letter of a candidate")
    return text


def _constants(_: Task, gold: Sequence[Label]) -> Iterator[Constant]:
    return map(always, by_frequency(map(str, gold))[:1])


def _fitted(label: Label, candidates: int) -> str:
    return letters[place_of(label) % candidates]


MULTIPLE_CHOICE = TaskKind(
    word="multiple_choice",
    metrics=("accuracy",),
    fewest_labels=0,
    candidates=True,
    take_home=TakeHome(
        pipeline=None,
        inputs='["A question."] * 3, ["a first candidate", "a second", "a third"], padding=True',
        answer='print(logits("TASK", **inputs)[:, 0].softmax(0).tolist())',
    ),
    outputs=lambda _: ("score",),
    lists=MappingProxyType({"candidates": True}),
    texts=lambda example: (*example.text, *example.candidates),
    sequences=_sequences,
    read_label=_read,
    from_text=_from_text,
    may_answer=lambda *_: True,
    scores_fit=lambda _, label, n: max(FEWEST, place_of(label) + 1) <= n <= MOST,
    target=lambda _, label: place_of(label),
    answer=lambda example, _: example.candidates[place_of(example.label)],
    size=lambda example: len(example.candidates),
    fitted=_fitted,
    constants=_constants,
    unmeasurable=lambda gold, _: (
        f"the right candidate is {gold[0]} in all its {len(gold)} examples, so that their order "
        "says which (shuffle the candidates of each)"
    ),
    answered="one of an example's candidates",
)
