"""How an exported model is loaded, as its card tells it."""

from __future__ import annotations

from transfer_study.spec.task import Task, TaskKind

_SENTENCE = """\
from transformers import pipeline

model = pipeline("text-classification", model="FOLDER", truncation=True{every})
print(model({{"text": "A first text.", "text_pair": "A second one."}}))
"""
_TAGGING = """\
from transformers import pipeline

model = pipeline("token-classification", model="FOLDER", ignore_labels=[])
words = "The words of a sentence , as the corpus splits them .".split()
(pieces,) = model(words, is_split_into_words=True)
tags = {p["start"]: p["entity"] for p in reversed(pieces)}
print([(w, tags.get(len(" ".join(words[:n])) + (n > 0), "O")) for n, w in enumerate(words)])
"""
_MULTI = """\
import sys

sys.path.insert(0, "FOLDER")  # where load_model.py is
from load_model import load

tasks, tokenizer, logits = load("FOLDER")
print(logits("TASK", **tokenizer("A text.", truncation=True, return_tensors="pt")))
"""
_PAIRS = "`text_pair` is for tasks on two texts."
_NOTES = {
    TaskKind.CLASSIFICATION: _PAIRS,
    TaskKind.REGRESSION: f"{_PAIRS} The score is the value.",
    TaskKind.MULTILABEL: f"{_PAIRS} A label with a score above 0.5 holds.",
    TaskKind.TAGGING: (
        "The tag of a word's first piece counts; `aggregation_strategy='first'` gives the spans of "
        "a plain text, and the same tags where no word has punctuation inside. The study cut "
        "longer sentences into windows at word boundaries; do so too, and the answers are the same."
    ),
}
_MULTI_NOTE = (
    "`tasks` names the outputs of each task. A classification takes the softmax of its logits, a "
    "multilabel task the sigmoid; a regression's logit is its value. Tagging has logits a piece: "
    "those of a word's first piece count, the words being given as a list with "
    "`is_split_into_words=True`."
)


def pipeline_name(task: Task) -> str:
    """The pipeline of transformers that loads a task's model."""
    return "token-classification" if task.kind is TaskKind.TAGGING else "text-classification"


def how_to_load(task: Task) -> tuple[str, str]:
    """The code that loads and asks a model of one task, and what to know of it."""
    if task.kind is TaskKind.TAGGING:
        return _TAGGING, _NOTES[task.kind]
    every = ", top_k=None" if task.kind is TaskKind.MULTILABEL else ""
    return _SENTENCE.format(every=every), _NOTES[task.kind]


def how_to_load_multi(task: Task) -> tuple[str, str]:
    """Likewise for a model with a loader of its own, asked for one of its tasks."""
    return _MULTI.replace("TASK", task.name), _MULTI_NOTE
