"""What a kind of task is, as one value: all that the rest of the package asks of it.

Only what a model does with its answers, which takes torch, is elsewhere (learn/heads.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from transfer_study.study.spelling import did_you_mean
from transfer_study.study.tasks.example import Example, Label

if TYPE_CHECKING:
    from transfer_study.study.tasks.task import Task

# What a file says of a label: a text, or a list of them.
Raw = str | tuple[str, ...]
# The answer to an example that asks nothing of it but how many answers its label has.
Constant = Callable[[Label], Label]


class Report(Protocol):
    """Where a fault goes: of the example, or of one of its words, counted from 0."""

    def __call__(self, message: str, word: int | None = None) -> None:
        """Note a fault."""


@dataclass(frozen=True, kw_only=True)
class TakeHome:
    """How an exported model is loaded and asked, for its card.

    `pipeline` is that of transformers, where one computes such answers, with `options`, and
    `problem` what transformers calls the kind. `inputs` are what a folder's own loader tokenises
    where that is no text or pair, `answer` is the code that shows what comes out, `note` what to
    know of it.
    """

    pipeline: Literal["text-classification", "token-classification"] | None
    problem: str | None = None
    options: str = ""
    inputs: str | None = None
    answer: str
    note: str = ""


def _labels(task: Task) -> tuple[str, ...]:
    return task.labels


def _classes(label: Label) -> Sequence[str]:
    return label if isinstance(label, tuple) else (str(label),)


def _same_answer(gold: Sequence[Label], right: float) -> str:
    n = len(gold)
    if not right:
        return f"none of its {n} examples has a class that F1 counts"
    return f"all its {n} examples have the same answer, {'+'.join(_classes(gold[0]))}"


def _a_score_an_output(task: Task, _: Label, n: int) -> bool:
    return n == len(task.outputs)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class TaskKind:
    """A kind of task.

    What it is: `word` in study files, `metrics` by name (the default first), `fewest_labels` that a
    task lists (0: it lists none), `fault` of a task that does not fit, and `outputs` of its head.

    How it is read: from the `formats` of a source; `read_label` takes what it says of the label
    and of the candidates. `lists` are the columns that hold lists, and whether they must. With
    `words`, an example's text is the words of a sentence, each with an answer, else one text or
    two; with `candidates` it has these. `texts` are all that a reader reads of an example,
    `sequences` what a model reads at a time.

    How labels are compared: `target` is a label as numbers, by the place of each output;
    `classes` are the task's labels in it, which are counted in `counted` and called `positives`;
    `from_text` reads what tables have; `may_answer` and `scores_fit` say what a model can have
    answered; `answer` is the same in examples that ask and answer the same, given the length of a
    word in letters; a label of an example of one `size` is `fitted` to one of another; `constants`
    are the answers of models that have learned nothing, best ones first, and `unmeasurable` says of
    gold labels why they are no worse. What is no list of labels is `answered`.
    """

    word: str
    metrics: tuple[str, ...]
    fewest_labels: int
    take_home: TakeHome
    read_label: Callable[[Task, Raw, tuple[str, ...], Report], Label | None]
    from_text: Callable[[str], Label]
    may_answer: Callable[[Task, frozenset[str], Label, Label], bool]
    target: Callable[[Mapping[str, int], Label], Any]
    constants: Callable[[Task, Sequence[Label]], Iterator[Constant]]
    fault: Callable[[Task], str | None] = lambda _: None
    outputs: Callable[[Task], tuple[str, ...]] = _labels
    formats: tuple[str, ...] = ("tsv", "csv", "jsonl", "datasets")
    lists: Mapping[str, bool] = field(default_factory=dict)
    words: bool = False
    candidates: bool = False
    texts: Callable[[Example], tuple[str, ...]] = lambda example: example.text
    sequences: Callable[[Example], list[tuple[str, ...]]] = lambda example: [example.text]
    target_type: str = "int64"
    classes: Callable[[Label], Sequence[str]] = _classes
    counted: str = "example of"
    positives: str = ""
    always_counted: bool = False
    scores_fit: Callable[[Task, Label, int], bool] = _a_score_an_output
    answer: Callable[[Example, Callable[[str], int]], object] = lambda example, _: example.label
    size: Callable[[Example], int] = lambda _: 0
    fitted: Callable[[Label, int], Label] = lambda label, _: label
    unmeasurable: Callable[[Sequence[Label], float], str] = _same_answer
    answered: str | None = None

    def __str__(self) -> str:
        return self.word

    __repr__ = __str__

    def __reduce__(self) -> tuple[Callable[[str], TaskKind], tuple[str]]:
        from transfer_study.study.tasks.kinds import kind_of

        return kind_of, (self.word,)


def always(answer: Label) -> Constant:
    """The same answer to every example."""
    return lambda _: answer


def unknown(what: str, found: str, allowed: Sequence[str]) -> str:
    """The sentence on a label that a task does not have."""
    return (
        f"unknown {what} {found!r}; allowed: {', '.join(allowed)}{did_you_mean(found, allowed)}"
        " Correct it here or list it in the task's `labels`."
    )


def by_frequency(names: Iterable[str]) -> list[str]:
    """Names, the most frequent first; of equally frequent ones the first by name."""
    counts = Counter(names)
    # The order of the file means nothing.
    return sorted(counts, key=lambda name: (-counts[name], name))
