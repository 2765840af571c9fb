"""Every word of a sentence has a tag, and the tags mark mentions of entities."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias, cast

from transfer_study.study.tasks.example import Example, Label
from transfer_study.study.tasks.kinds.kind import (
    Constant,
    Raw,
    Report,
    TakeHome,
    TaskKind,
    unknown,
)
from transfer_study.study.tasks.kinds.multilabel import list_from_text
from transfer_study.study.tasks.source import SyntheticSource

if TYPE_CHECKING:
    from transfer_study.study.tasks.task import Task

_OUTSIDE = "O"
# BIOES and IOBES have E and S, for the last word of a mention and for a single one; BILOU L and U.
_BIOES = {"B": "B", "I": "I", "E": "E", "L": "E", "S": "S", "U": "S"}

Mention: TypeAlias = tuple[str, int, int]  # its type, its first word, the word after its last


def mentions(tags: Sequence[str], *, lenient: bool = False) -> Iterator[Mention]:
    """Read the mentions of one sentence as strict IOB2; of a tag, all after its first hyphen.

    An `I-` that continues nothing is outside, or where `lenient` begins a mention, as the conlleval
    script reads it. seqeval strips hyphens off types, so that `B-` and `B--x` lose their names:
    hence our own.
    """
    name, first, within = "", 0, False
    for word, tag in enumerate((*tags, _OUTSIDE)):
        prefix, _, entity = tag.partition("-")
        if within and prefix == "I" and entity == name:
            continue
        if within:
            yield name, first, word
        within = prefix == "B" or (lenient and prefix == "I")
        name, first = entity, word


def _fault(task: Task) -> str | None:
    types = [label[2:] for label in task.labels if label[:2] == "B-"]
    both = next((name for name in types if f"I-{name}" in task.labels), None)
    if both is None:
        return None
    return (
        f"found the labels 'B-{both}' and 'I-{both}', but a tagging task lists its entity types, "
        f"to which B- and I- are added; write {both!r} in place of the two, and leave O out"
    )


def _tags(task: Task) -> tuple[str, ...]:
    return (_OUTSIDE, *(f"{prefix}-{label}" for label in task.labels for prefix in "BI"))


def _read(task: Task, raw: Raw, _: tuple[str, ...], report: Report) -> tuple[str, ...]:
    assert not isinstance(task.source, SyntheticSource)
    scheme = task.source.scheme
    if scheme == "bioes":
        raw = _as_iob2(raw, report)
    only = task.labels[0] if len(task.labels) == 1 else None
    allowed = frozenset(task.outputs)
    tags: list[str] = []
    inside = ""  # the type of the mention that an I- may continue
    for word, found in enumerate(raw):
        # Files of one entity type may leave the type out, as BLUE's ShARe/CLEFE does.
        tag = f"{found}-{only}" if only and found in {"B", "I"} else found
        if tag not in allowed:
            report(_unknown_tag(task, found), word)
            tag = _OUTSIDE
        elif tag[0] == "I" and tag[2:] != inside:
            if scheme == "iob2":
                report(_stray(found, tag[2:], tags), word)
            tag = f"B-{tag[2:]}"
        inside = tag[2:]
        tags.append(tag)
    return tuple(tags)


def _as_iob2(raw: Sequence[str], report: Report) -> tuple[str, ...]:
    """Tags of BIOES (IOBES, BILOU) in IOB2; mentions that are not begun or ended are reported."""
    tags: list[str] = []
    entity: str | None = None  # of the mention that the next word must continue
    for word, found in enumerate([*raw, _OUTSIDE]):
        place = _BIOES.get(found[:1]) if found[1:2] in ("", "-") else None
        kind, continues = found[1:], place in ("I", "E")
        if entity is not None and not (continues and kind == entity):
            report(
                f"the tag {raw[word - 1]!r} ends no mention, and no word goes on with it; bioes "
                f"ends one with 'E{entity}', and one word is 'S{entity}'. Correct it, or set "
                "another `scheme`",
                word - 1,
            )
        elif entity is None and continues:
            report(
                f"the tag {found!r} continues no mention; bioes begins one with 'B{kind}', and one "
                f"word is 'S{kind}'. Correct it, or set another `scheme`",
                word,
            )
        begins = place in ("B", "S") or (continues and kind != entity)
        entity = kind if place in ("B", "I") else None
        tags.append(found if place is None else f"{'B' if begins else 'I'}{kind}")
    return tuple(tags[:-1])


def _unknown_tag(task: Task, found: str) -> str:
    if found in task.labels and found[1:2] == "-":
        return (
            f"the tag {found!r} stands in the task's `labels`, which are entity types without B-"
            f" and I-; write {found[2:]!r} there"
        )
    return unknown("tag", found, task.outputs)


def _stray(found: str, entity: str, before: Sequence[str]) -> str:
    place = f"after {before[-1]!r}" if before else "at the start of a sentence"
    return (
        f"the tag {found!r} {place} continues no mention; IOB2 begins each one with 'B-{entity}'."
        " Correct it, or set `scheme: iob1` in the source if an I may begin a mention."
    )


def _may_answer(_: Task, known: frozenset[str], gold: Label, label: Label) -> bool:
    assert isinstance(gold, tuple) and isinstance(label, tuple)
    return len(label) == len(gold) and known.issuperset(label)


def _target(places: Mapping[str, int], label: Label) -> list[int]:
    assert isinstance(label, tuple)
    return [places[tag] for tag in label]


def _constants(_: Task, gold: Sequence[Label]) -> Iterator[Constant]:
    """`O`; the `B-` that finds most mentions of one word; the `I-` that finds most sentences.

    Read leniently, an `I-` throughout is one mention as long as the sentence.
    """
    words, whole = Counter[str](), Counter[str]()
    for tags in cast("Sequence[tuple[str, ...]]", gold):
        for name, first, end in mentions(tags):
            words[f"B-{name}"] += end - first == 1
            whole[f"I-{name}"] += end - first == len(tags)
    # Of equally frequent ones the first by name: the order of the file means nothing.
    best = (min(counts, key=lambda n: (-counts[n], n)) for counts in (words, whole) if counts)
    return map(_on_every_word, (_OUTSIDE, *best))


def _on_every_word(tag: str) -> Constant:
    return lambda tags: (tag,) * len(cast("tuple[str, ...]", tags))


def _unmeasurable(gold: Sequence[Label], right: float) -> str:
    if right:
        return "every word is a mention of one type"
    return f"its {len(gold)} sentences have no mention"


def _answer(example: Example, letters: Callable[[str], int]) -> object:
    """The mentions, however words are divided: their ends are counted in letters and digits."""
    assert isinstance(example.label, tuple)
    ends = [0]
    for word in example.text:
        ends.append(ends[-1] + letters(word))
    return [(ends[first], ends[end], name) for name, first, end in mentions(example.label)]


def _fitted(tags: Label, words: int) -> Label:
    """As many tags as words: the last are cut, or what is outside follows them."""
    assert isinstance(tags, tuple)
    return (*tags[:words], *[_OUTSIDE] * (words - len(tags)))


TAGGING = TaskKind(
    word="tagging",
    metrics=("entity_f1", "lenient_entity_f1"),
    fewest_labels=1,
    take_home=TakeHome(
        pipeline="token-classification",
        inputs='"The words of a sentence .".split(), is_split_into_words=True',
        answer="""\
pieces = logits("TASK", **inputs)[0].argmax(1)
words = inputs.word_ids(0)
first = [n for n, word in enumerate(words) if word is not None and word not in words[:n]]
print([tasks["TASK"]["outputs"][pieces[n]] for n in first])""",
        note=(
            "The tag of a word's first piece counts; `aggregation_strategy='first'` gives the "
            "spans of a plain text, and the same tags where no word has punctuation inside. The "
            "study cut longer sentences into windows at word boundaries; do so too, and the "
            "answers are the same."
        ),
    ),
    fault=_fault,
    outputs=_tags,
    formats=("conll", "pubtator", "jsonl", "datasets"),
    lists=MappingProxyType({"text": True, "label": True}),
    words=True,
    texts=lambda example: (" ".join(example.text),),
    read_label=_read,
    from_text=list_from_text,
    may_answer=_may_answer,
    scores_fit=lambda _, tags, n: n == len(cast("tuple[str, ...]", tags)),
    target=_target,
    classes=lambda tags: [name for name, *_ in mentions(cast("tuple[str, ...]", tags))],
    counted="mention of type",
    positives="mentions",
    always_counted=True,
    answer=_answer,
    size=lambda example: len(example.text),
    fitted=_fitted,
    constants=_constants,
    unmeasurable=_unmeasurable,
)
