"""How an exported model is loaded, as its card tells it."""

from __future__ import annotations

from transfer_study.study.tasks.task import Task

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
_TEXT, _PAIR = '"A first text."', '"A first text.", "A second one."'
_LOADER_NOTE = (
    "`tasks` names the outputs of each task. A classification takes the softmax of its logits, a "
    "multilabel task the sigmoid; a regression's logit is its value. A multiple-choice task has a "
    "logit for the text paired with each candidate (of two texts the second goes before the "
    "candidate), and takes the softmax over these. Tagging has logits a piece: those of a word's "
    "first piece count, the words being given as a list with `is_split_into_words=True`."
)


def how_to_load(task: Task, pair: bool) -> tuple[str, str]:
    """The code that loads and asks a model of one task, and what to know of it."""
    said = task.kind.take_home
    asked = '{"text": "A first text.", "text_pair": "A second one."}' if pair else _TEXT
    if said.pipeline == "token-classification":
        return _TAGGING, said.note
    return _SENTENCE.format(every=said.options, asked=asked), said.note


def how_to_load_with_loader(task: Task, pair: bool) -> tuple[str, str]:
    """Likewise for a model with a loader of its own, asked for one of its tasks."""
    said = task.kind.take_home
    texts = said.inputs or (_PAIR if pair else _TEXT)
    code = _LOADER.format(texts=texts, answer=said.answer)
    return code.replace("TASK", task.name), _LOADER_NOTE
