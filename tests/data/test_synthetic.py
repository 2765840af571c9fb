from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from transfer_study.data.files.readers import read_split
from transfer_study.data.splits import load
from transfer_study.data.synthetic import (
    ENTITIES,
    ENTITY_OF,
    HIDDEN,
    PLANTED,
    RED,
    TOPIC_OF,
    TOPICS,
    generate,
    lexicon,
)
from transfer_study.data.tokens.vocabulary import tiny_vocabulary
from transfer_study.errors import DataError
from transfer_study.study.encoder import TinyConfig
from transfer_study.study.file.study_file import read_study
from transfer_study.study.frozen import content_hash
from transfer_study.study.tasks.example import Example
from transfer_study.study.tasks.source import SPLITS, SyntheticSource
from transfer_study.study.tasks.task import Task

SIZES = {"train": 80, "dev": 30, "test": 40}
DEMO = Path(__file__).parents[2] / "experiments" / "demo.yaml"
TASKS: dict[str, dict[str, Any]] = {
    "entities": {"kind": "tagging", "labels": ENTITIES},
    "relation": {"kind": "classification", "labels": ENTITIES},
    "conflict": {"kind": "regression"},
    "topics": {"kind": "multilabel", "labels": TOPICS},
}
every_task = pytest.mark.parametrize("name", TASKS)


def task(name: str, seed: int = 0, **changes: Any) -> Task:
    source = {"format": "synthetic", "task": name, "seed": seed, **SIZES}
    return Task.model_validate({"name": "t", "source": source, **TASKS.get(name, {}), **changes})


def words(example: Example) -> list[str]:
    return " ".join(example.text).split()


def hidden(example: Example) -> list[str]:
    return [word for word in words(example) if word in ENTITY_OF]


def test_the_lexicon_is_of_distinct_lower_case_words_that_are_pieces_of_the_tiny_encoder() -> None:
    assert len(set(lexicon())) == len(lexicon())
    assert all(word.isascii() and word.isalpha() and word.islower() for word in lexicon())
    assert set(lexicon()) <= set(tiny_vocabulary(TinyConfig()))


def test_the_two_partitions_of_the_hidden_words_say_nothing_of_one_another() -> None:
    counts = Counter((ENTITY_OF[word], word in RED) for word in HIDDEN)
    assert set(counts.values()) == {len(HIDDEN) // 4}


@every_task
def test_a_split_is_the_same_whenever_it_is_read_and_another_with_another_seed(name: str) -> None:
    assert generate(task(name), "train") == read_split(task(name), "train")
    assert generate(task(name), "train") != generate(task(name, seed=1), "train")


@every_task
def test_a_longer_split_begins_with_the_shorter(name: str) -> None:
    longer = task(name).model_copy(
        update={"source": SyntheticSource(format="synthetic", task=name, train=99, dev=1, test=1)}
    )
    assert generate(longer, "train")[: SIZES["train"]] == generate(task(name), "train")


@every_task
def test_splits_have_their_sizes_own_documents_and_no_sentence_in_common(name: str) -> None:
    data = load(task(name))
    assert {split: len(data.split(split)) for split in SPLITS} == SIZES
    examples = [example for split in SPLITS for example in data.split(split)]
    assert data.train[0].id == "train-0"
    for what in ("id", "document", "text"):
        assert len({getattr(example, what) for example in examples}) == len(examples)


@every_task
def test_every_word_is_in_the_lexicon(name: str) -> None:
    examples = generate(task(name), "test")
    assert {word for example in examples for word in words(example)} <= set(lexicon())


def test_tags_follow_the_hidden_words() -> None:
    for example in generate(task("entities"), "train"):
        expected = (f"B-{ENTITY_OF[w]}" if w in ENTITY_OF else "O" for w in example.text)
        assert example.label == tuple(expected)
        assert len(hidden(example)) == 3


def test_a_relation_is_the_class_of_its_hidden_word() -> None:
    for example in generate(task("relation"), "train"):
        assert [example.label] == [ENTITY_OF[word] for word in hidden(example)]


def test_a_conflicting_score_follows_the_other_partition_of_the_same_words() -> None:
    scores: dict[bool, list[float]] = {True: [], False: []}
    for example in generate(task("conflict"), "train"):
        (word,) = hidden(example)
        assert isinstance(example.label, float)
        scores[word in RED].append(example.label)
    assert sum(scores[True]) / len(scores[True]) == pytest.approx(5, abs=0.6)
    assert sum(scores[False]) / len(scores[False]) == pytest.approx(0, abs=0.6)


def test_topics_are_those_of_the_topical_words_and_share_none_with_the_other_tasks() -> None:
    assert not set(TOPIC_OF) & set(HIDDEN)
    for example in generate(task("topics"), "train"):
        found = {TOPIC_OF[word] for word in words(example) if word in TOPIC_OF}
        assert example.label == tuple(topic for topic in TOPICS if topic in found)
        assert example.label and not hidden(example)


def test_an_unknown_generator_is_refused_with_the_known_ones() -> None:
    with pytest.raises(
        DataError, match=r"no built-in task 'entitys'; there are: entities, .*topics"
    ):
        generate(task("entitys", **TASKS["entities"]), "train")


@pytest.mark.parametrize(
    ("name", "other", "said"),
    [
        ("relation", {"labels": ["herb", "stone"]}, "labels herb, beast; found .* herb, stone"),
        ("relation", TASKS["topics"], "is classification with .*; found multilabel"),
        ("conflict", TASKS["relation"], "is regression without labels; found classification"),
    ],
)
def test_a_task_that_is_not_what_its_generator_makes_is_refused(
    name: str, other: dict[str, Any], said: str
) -> None:
    with pytest.raises(DataError, match=said):
        generate(task(name, **other), "train")


def test_the_demo_has_the_planted_tasks_and_more_than_two_kinds() -> None:
    study = read_study(DEMO)
    assert {name for edge in PLANTED for name in edge} <= {t.name for t in study.tasks}
    assert set(PLANTED.values()) == {"gain", "loss", "equivalent"}
    assert len({t.kind for t in study.tasks}) > 2
    for t in study.tasks:
        load(t)


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("entities", "e238918b"),
        ("relation", "e9a2466b"),
        ("conflict", "57cdd023"),
        ("topics", "d4ab983d"),
    ],
)
def test_the_texts_of_every_version_are_the_same(name: str, known: str) -> None:
    """Otherwise what was learned of them is another study's."""
    drawn = [(example.text, example.label) for example in generate(task(name), "test")]
    assert content_hash(drawn)[:8] == known
