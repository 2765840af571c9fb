"""What the columns of rows seem to hold: by their names, and where these say nothing by content."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from transfer_study.data.files.guess_choices import guess_choices
from transfer_study.data.files.rows import Value
from transfer_study.study.tasks.kinds.regression import LARGEST_SCORE

Rows = Sequence[Mapping[str, Value]]

TAG = re.compile(r"O|[BIESLU](-.+)?")
# Columns as data sets name them, the likeliest first.
_PAIRS = (
    ("sentence1", "sentence2"),
    ("premise", "hypothesis"),
    ("question1", "question2"),
    ("text1", "text2"),
    ("text_a", "text_b"),
    ("text_1", "text_2"),
    ("question", "sentence"),
    ("question", "passage"),
    ("query", "passage"),
    ("claim", "evidence"),
)
_NAMES = {
    "label": (
        *("label", "gold_label", "labels", "ner_tags", "tags", "score", "similarity", "rating"),
        *("class", "category", "target", "annotation"),
    ),
    "text": (
        *("text", "sentence", "tokens", "words", "passage", "abstract", "question", "review"),
        *("content", "note", "utterance", "title"),
    ),
    "id": ("id", "index", "idx", "guid", "uid", "pairid", "pair_id", "example_id", "sentence_id"),
    "document": (
        *("document", "document_id", "doc", "doc_id", "docid", "pmid", "pubmed_id", "article_id"),
        *("note_id", "patient_id"),
    ),
}
_SCORES = ("score", "similarity", "rating")
_NEGATIVE = ("false", "none", "no_relation", "no-relation", "no relation")
# More distinct values are names, texts or measurements, and no classes.
MOST_LABELS = 200
_NO_LABEL = ("-", "")


@dataclass
class Guessed:
    """The keys of a task that were guessed, and the reason for each by its dotted name."""

    task: dict[str, Any] = field(default_factory=dict)
    source: dict[str, Any] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)


class NoGuessError(Exception):
    """Nothing sensible can be guessed, and why."""


def looks_like_header(row: Sequence[str]) -> bool:
    """Whether a first row has a usual name of a column."""
    known = {name for names in _NAMES.values() for name in names} | {*sum(_PAIRS, ())}
    return any(cell.strip().casefold() in known for cell in row)


def guess_columns(rows: Rows) -> Guessed:
    """Kind, labels and columns of rows that all have the same columns; raises NoGuessError."""
    found = [name for name in rows[0] if all(name in row for row in rows)]
    guessed = Guessed()
    columns: dict[str, str] = {}
    if choices := guess_choices(rows, found):
        ids = {part: name for part in ("id", "document") if (name := _named(_NAMES[part], found))}
        guessed.task["kind"] = "multiple_choice"
        guessed.source |= {"columns": {**choices.columns, **ids}, "answer_key": choices.key}
        label = choices.columns["label"]
        guessed.why |= {
            "kind": "there are columns of candidates, by their names",
            "source.columns": "by the names",
            "source.answer_key": f"by what {label!r} has in all rows",
        }
        return guessed
    by_name = {part: _named(names, found) for part, names in _NAMES.items()}
    pair = next((pair for pair in _PAIRS if all(_named((name,), found) for name in pair)), None)
    label = by_name["label"] or _fewest_values(rows, found)
    left = [name for name in found if name != label]
    if pair:
        columns |= {"text": _named(pair[:1], found) or "", "text2": _named(pair[1:], found) or ""}
        reason = "two texts, by the names of their columns"
    elif by_name["text"]:
        columns["text"] = by_name["text"]
        reason = "by the names"
    else:
        columns["text"] = _longest(rows, left)
        reason = f"the longest texts are in {columns['text']!r}"
    columns["label"] = label
    if not by_name["label"]:
        reason += f"; {label!r} has the fewest different values"
    columns |= {part: name for part in ("id", "document") if (name := by_name[part])}
    guessed.source["columns"] = columns
    guessed.why["source.columns"] = reason
    _guess_kind(rows, columns, guessed)
    return guessed


def _named(names: Sequence[str], found: Sequence[str]) -> str | None:
    last = {name.rpartition(".")[2].casefold(): name for name in reversed(found)}
    return next((last[name] for name in names if name in last), None)


def _fewest_values(rows: Rows, found: Sequence[str]) -> str:
    counts = {name: len({row[name] for row in rows}) for name in found}
    likely = [name for name in found if 1 < counts[name] <= min(MOST_LABELS, len(rows) // 2)]
    if not likely or len(found) < 2:
        raise NoGuessError(f"no column seems to hold labels; found the columns {', '.join(found)}")
    return min(likely, key=lambda name: counts[name])


def _longest(rows: Rows, names: Sequence[str]) -> str:
    return max(names, key=lambda name: sum(len(row[name] or "") for row in rows))


def _guess_kind(rows: Rows, columns: Mapping[str, str], guessed: Guessed) -> None:
    name = columns["label"]
    values = [row[name] for row in rows]
    texts = [
        value[0] if isinstance(value, tuple) and len(value) == 1 else value for value in values
    ]
    if all(isinstance(row[columns["text"]], tuple) for row in rows):
        guess_tags((tag for value in values for tag in value or ()), guessed)
    elif any(isinstance(value, tuple) for value in texts):
        classes = Counter(item for value in values for item in value or ())
        _classes("multilabel", list(classes), f"{name!r} has lists of labels", guessed)
    else:
        plain = [value or "" for value in texts if not isinstance(value, tuple)]
        _guess_plain(name, plain, guessed)
        none = [value for value in _NO_LABEL if value in plain]
        if none and guessed.task["kind"] != "multilabel":
            guessed.source["leave_out"] = {name: none}
            said = " and ".join(map(repr, none))
            guessed.why["source.leave_out"] = f"{said} seems to be no label; `tasks` counts them"


def _guess_plain(name: str, values: list[str], guessed: Guessed) -> None:
    labels = list(dict.fromkeys(value for value in values if value not in _NO_LABEL))
    items = list(dict.fromkeys(item.strip() for value in labels for item in value.split(",")))
    if len(items) < len(labels) and any("," in value for value in labels):
        why = f"{name!r} has labels divided by commas"
        _classes("multilabel", items, why, guessed)
    elif all(map(_is_score, labels)) and (
        name.rpartition(".")[2].casefold() in _SCORES
        or len(labels) > 20
        or (len(labels) > 2 and any("." in label for label in labels))
    ):
        guessed.task["kind"] = "regression"
        guessed.why["kind"] = f"{name!r} has numbers, {len(labels)} different ones"
    else:
        why = f"{name!r} has {len(labels)} different values"
        _classes("classification", labels, why, guessed)


def _classes(kind: str, labels: list[str], why: str, guessed: Guessed) -> None:
    if not 2 <= len(labels) <= MOST_LABELS:
        raise NoGuessError(
            f"{why}, and a {kind} task is guessed of 2 to {MOST_LABELS}; found "
            f"{', '.join(map(repr, labels[:3]))}{', ...' if len(labels) > 3 else ''}"
        )
    guessed.task |= {"kind": kind, "labels": labels}
    guessed.why |= {"kind": why, "labels": "as they first appear; the order does not matter"}
    negative = next((label for label in labels if label.casefold() in _NEGATIVE), None)
    if kind == "classification" and negative and len(labels) > 2:
        guessed.task |= {"negative": negative, "metric": "micro_f1"}
        guessed.why["negative"] = "by its name: the class that F1 leaves out"


def guess_tags(tags: Any, guessed: Guessed) -> None:
    """The entity types of tags in the order in which they appear; raises NoGuessError."""
    seen = Counter(tags)
    strange = next((tag for tag in seen if not TAG.fullmatch(tag)), None)
    if strange is not None:
        raise NoGuessError(f"the tag {strange!r} is none of entities (B-TYPE, I-TYPE, O)")
    types = list(dict.fromkeys(tag[2:] or "Entity" for tag in seen if tag != "O"))
    if not types:
        raise NoGuessError("all tags are O")
    guessed.task |= {"kind": "tagging", "labels": types}
    guessed.why |= {"kind": "every word has a tag", "labels": "the types of B- and I-"}
    if ends := sorted({tag[0] for tag in seen} & {*"ESLU"}):
        guessed.source["scheme"] = "bioes"
        guessed.why["source.scheme"] = f"there are tags with {', '.join(ends)}"


def _is_score(value: str) -> bool:
    try:
        return "_" not in value and abs(float(value)) <= LARGEST_SCORE
    except ValueError:
        return False
