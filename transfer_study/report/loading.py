"""How an exported model is loaded, as its card tells it."""

from __future__ import annotations

from transfer_study.study.tasks.task import Task, TaskKind

_SENTENCE = """\
from transformers import pipeline

model = pipeline("text-classification", model="FOLDER", truncation=True{every})
print(model({asked}))
"""
_TAGGING = """\
from transformers import pipeline

model = pipeline("token-classification", model="FOLDER", ignore_labels=[])
words = "The words of a sentence , as the corpus splits them .".split()
(pieces,) = model(words, is_split_into_words=True)
tags = {p["start"]: p["entity"] for p in reversed(pieces)}
print([(w, tags.get(len(" ".join(words[:n])) + (n > 0), "O")) for n, w in enumerate(words)])
"""
_LOADER = """\
import sys

sys.path.insert(0, "FOLDER")  # where load_model.py is
from load_model import load

tasks, tokenizer, logits = load("FOLDER")
inputs = tokenizer({texts}, truncation=True, return_tensors="pt")
{answer}
"""
_WORDS = '"The words of a sentence .".split(), is_split_into_words=True'
_TEXT, _PAIR = '"A first text."', '"A first text.", "A second one."'
_SHARES = 'print(dict(zip(tasks["TASK"]["outputs"], {}.tolist())))'
_ANSWERS = {
    TaskKind.CLASSIFICATION: _SHARES.format('logits("TASK", **inputs)[0].softmax(0)'),
    TaskKind.MULTILABEL: _SHARES.format('logits("TASK", **inputs)[0].sigmoid()'),
    TaskKind.REGRESSION: 'print(logits("TASK", **inputs)[0].item())',
    TaskKind.TAGGING: """\
pieces = logits("TASK", **inputs)[0].argmax(1)
words = inputs.word_ids(0)
first = [n for n, word in enumerate(words) if word is not None and word not in words[:n]]
print([tasks["TASK"]["outputs"][pieces[n]] for n in first])""",
}
_NOTES = {
    TaskKind.CLASSIFICATION: "",
    TaskKind.REGRESSION: "The score is the value.",
    TaskKind.MULTILABEL: "A label with a score above 0.5 holds.",
    TaskKind.TAGGING: (
        "The tag of a word's first piece counts; `aggregation_strategy='first'` gives the spans of "
        "a plain text, and the same tags where no word has punctuation inside. The study cut "
        "longer sentences into windows at word boundaries; do so too, and the answers are the same."
    ),
}
_LOADER_NOTE = (
    "`tasks` names the outputs of each task. A classification takes the softmax of its logits, a "
    "multilabel task the sigmoid; a regression's logit is its value. Tagging has logits a piece: "
    "those of a word's first piece count, the words being given as a list with "
    "`is_split_into_words=True`."
)


def pipeline_name(task: Task) -> str:
    """The pipeline of transformers that loads a task's model."""
    return "token-classification" if task.kind is TaskKind.TAGGING else "text-classification"


def how_to_load(task: Task, pair: bool) -> tuple[str, str]:
    """The code that loads and asks a model of one task, and what to know of it."""
    if task.kind is TaskKind.TAGGING:
        return _TAGGING, _NOTES[task.kind]
    every = ", top_k=None" if task.kind is TaskKind.MULTILABEL else ""
    asked = '{"text": "A first text.", "text_pair": "A second one."}' if pair else _TEXT
    return _SENTENCE.format(every=every, asked=asked), _NOTES[task.kind]


def how_to_load_with_loader(task: Task, pair: bool) -> tuple[str, str]:
    """Likewise for a model with a loader of its own, asked for one of its tasks."""
    texts = _WORDS if task.kind is TaskKind.TAGGING else _PAIR if pair else _TEXT
    code = _LOADER.format(texts=texts, answer=_ANSWERS[task.kind])
    return code.replace("TASK", task.name), _LOADER_NOTE
