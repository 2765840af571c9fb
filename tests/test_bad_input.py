"""Whatever is wrong with what is given: sentences, exit code 2, and nothing is written."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.conftest import Command

STUDY = """\
name: bad
encoder: {name: tiny, tiny: {hidden_size: 16, layers: 1, heads: 2}}
tasks:
  - name: pairs
    kind: classification
    labels: [yes, no]
    source: {format: tsv, folder: pairs}
  - name: mentions
    kind: tagging
    labels: [Drug]
    source: {format: conll, folder: mentions}
arms: [single, pairs]
seeds: 1
"""
TABLE = "text\tlabel\nA pill helps .\tyes\nIt does not .\tno\n"
WORDS = "A O\npill B-Drug\n\nNone O\n"
GOOD = {
    f"{folder}/{split}.tsv": text
    for folder, text in (("pairs", TABLE), ("mentions", WORDS))
    for split in ("train", "dev", "test")
}


@pytest.fixture(autouse=True)
def _no_data_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """A data root of whoever runs the tests would go before the study's folder."""
    monkeypatch.delenv("TRANSFER_STUDY_DATA", raising=False)


@dataclass(frozen=True)
class Case:
    """Something wrong: a study and files that differ from good ones, and what must be said."""

    name: str
    said: tuple[str, ...]  # parts of the errors, in their order
    study: str | bytes | None = STUDY
    files: dict[str, str | bytes | None] = field(default_factory=dict)  # None: not there
    settings: tuple[str, ...] = ()
    faults: int = 1

    def lay_out(self, folder: Path) -> Path:
        files = {**GOOD, **self.files, "study.yaml": self.study}
        for name, content in files.items():
            if content is not None:
                path = folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content.encode() if isinstance(content, str) else content)
        return folder / "study.yaml"


def change(before: str, after: str) -> str:
    assert before in STUDY
    return STUDY.replace(before, after)


def without_mentions(source: str, kind: str = "tagging", labels: str = "[Drug]") -> str:
    """The study with another second task."""
    return change(
        "    kind: tagging\n    labels: [Drug]\n    source: {format: conll, folder: mentions}\n",
        f"    kind: {kind}\n    labels: {labels}\n    source: {source}\n",
    )


FILE = [
    Case("no study file", ("study.yaml: there is no such study file; check the path",), None),
    Case("an empty study", ("study.yaml: found nothing", "`name: my_study`"), "# nothing yet\n"),
    Case("a study that is a list", ("found a list", "a mapping of keys"), "- name: x\n"),
    Case("an open bracket", ("line 8", "not valid YAML", "mend"), change("pairs}", "pairs")),
    Case("a tab", ("line 2", "a tab", "write spaces"), change("encoder", "\tencoder")),
    Case("a key twice", ("line 14", "'seeds'", "line 13", "keep one"), STUDY + "seeds: 2\n"),
    Case("no value", ("line 14: `margin`", "no value", "remove the key"), STUDY + "margin:\n"),
    Case("a byte", ("study.yaml: byte 0xe9", "save the file as UTF-8"), b"name: caf\xe9\n"),
    Case("an unknown anchor", ("line 14", "undefined alias 'x'"), STUDY + "refine: *x\n"),
]
VALUES = [
    Case(
        "an unknown key",
        ("line 14, `refine.epoch`", "'epoch'", "did you mean 'epochs'?", "batch_size"),
        STUDY + "refine: {epoch: 3}\n",
    ),
    Case("a missing key", ("`encoder` is missing", "`tiny`"), change("encoder", "# encoder")),
    Case(
        "an unknown task",
        ("line 12, `tasks.chemprt`", "'chemprt'", "did you mean 'chemprot'?", "inline"),
        change("arms:", "  - chemprt\narms:"),
    ),
    Case(
        "an unknown kind",
        ("line 9, `tasks.mentions.kind`", "'taging'", "did you mean 'tagging'?"),
        change("kind: tagging", "kind: taging"),
    ),
    Case(
        "a metric of another kind",
        ("line 4, `tasks.pairs`", "entity_f1", "allowed: accuracy, micro_f1, macro_f1"),
        change("labels: [yes, no]", "labels: [yes, no]\n    metric: entity_f1"),
    ),
    Case("one label", ("`tasks.pairs`", "at least two labels, found 1"), change(", no]", "]")),
    Case(
        "a negative that is no label",
        ("`tasks.pairs`", "'none'", "no, yes"),
        change("labels: [yes, no]", "labels: [yes, no]\n    negative: none"),
    ),
    Case("a slash", ("line 1, `name`", "'a/b'", "letters, digits"), change("bad", "a/b")),
    Case(
        "a task twice",
        ("line 8, `tasks.pairs`", "'pairs' a second time", "a name of its own"),
        change("name: mentions", "name: pairs"),
    ),
    Case(
        "an encoder twice",
        ("line 2, `encoder.tiny`", "'tiny' a second time"),
        change("{name: tiny, tiny: {hidden_size: 16, layers: 1, heads: 2}}", "[tiny, tiny]"),
    ),
    Case("a seed twice", ("`seeds[1]`", "'4' a second time"), change("seeds: 1", "seeds: [4, 4]")),
    Case("no seeds", ("line 13, `seeds`", "found 0;", "[0, 1, 2]"), change("seeds: 1", "seeds: 0")),
    Case(
        "a header that is no list",
        ("line 7, `tasks.pairs.source.header`", "'text'", "[text, label]", "by split"),
        change("folder: pairs", "folder: pairs, header: text"),
    ),
    Case(
        "tags in place of entity types",
        ("`tasks.mentions`", "'B-PER' and 'I-PER'", "write 'PER'", "leave O out"),
        change("[Drug]", "[O, B-PER, I-PER]"),
    ),
    Case(
        "no list of tasks",
        ("line 3, `tasks`", "'chemprot'", "a list", "[chemprot, ddi2013-type]"),
        "name: bad\nencoder: tiny\ntasks: chemprot\n",
    ),
    Case("an unknown arm", ("`arms[1]`", "'pair'", "mean 'pairs'?"), change(", pairs]", ", pair]")),
    Case("an arm alone", ("`arms`", "[pairs]", "'single': add it"), change("single, ", "")),
    Case(
        "a sequence without fine-tuning",
        ("line 12, `arms`", "found 'sequential'", "add 'finetune' to `readings`"),
        change("pairs]", "sequential]"),
    ),
    Case(
        "one left out of two",
        ("line 3, `tasks`", "found 2 tasks", "'leave-one-out' needs three", "out of `arms`"),
        change("pairs]", "leave-one-out]"),
    ),
    Case(
        "an arm of groups without groups",
        ("line 12, `arms`", "found 'groups'", "`groups: {ner: [a, b]}`"),
        change("pairs]", "groups]"),
    ),
    Case(
        "groups that make no sense",
        (
            "line 14, `groups`",
            "no arm asks for them",
            "`groups.one`: found [pairs], but a group is two tasks or more",
            "`groups.other[1]`: found 'mention'",
            "did you mean 'mentions'?",
            "`groups.twice[1]`: found 'pairs' a second time",
        ),
        STUDY + "groups: {one: [pairs], other: [pairs, mention], twice: [pairs, pairs]}\n",
        faults=4,
    ),
    Case(
        "sizes that are none",
        ("line 14, `limits.max_train`", "[100, few]", "a list of different ones such as"),
        STUDY + "limits: {max_train: [100, few]}\n",
    ),
    Case(
        "several sizes of another split",
        ("line 14, `limits.max_dev`", "[100, 200]", "a whole number"),
        STUDY + "limits: {max_dev: [100, 200]}\n",
    ),
    Case(
        "a pair of one",
        ("line 3, `tasks`", "found 1 task", "`arms: [single]`"),
        STUDY[: STUDY.index("  - name: mentions")] + STUDY[STUDY.index("arms") :],
    ),
    Case(
        "no pair within a domain",
        ("`tasks`", "pairs: general, mentions: clinical", "`pairs: all`"),
        change("name: mentions", "name: mentions\n    domain: clinical") + "pairs: within_domain\n",
    ),
    Case("no epochs", ("`refine.epochs`", "found 0;", "than 0"), STUDY + "refine: {epochs: 0}"),
    Case(
        "a rate in words",
        ("`refine.learning_rate`", "'fast'", "a number such as"),
        STUDY + "refine: {learning_rate: fast}\n",
    ),
    Case(
        "a temperature that does nothing",
        ("`refine.temperature`", "found 2", "set `mixing: temperature`"),
        STUDY + "refine: {temperature: 2}\n",
    ),
    Case(
        "a weight for no task",
        ("`refine.loss_weights.pair`", "found 'pair'", "did you mean 'pairs'?"),
        STUDY + "refine: {loss_weights: {pair: 2}}\n",
    ),
    Case(
        "weights in words",
        ("`refine.loss_weights`", "'bysize'", "did you mean 'by_size'?"),
        STUDY + "refine: {loss_weights: bysize}\n",
    ),
    Case(
        "a weight in words",
        ("`refine.loss_weights.pairs`", "'heavy'", "a number such as"),
        STUDY + "refine: {loss_weights: {pairs: heavy}}\n",
    ),
    Case(
        "an aggregation of one task",
        ("`variants.b.aggregation`", "found pcgrad", "set `updates: every_task`"),
        STUDY + "variants: {a: {}, b: {aggregation: pcgrad}}\n",
    ),
    Case(
        "a joint recipe by task",
        ("`refine.tasks`", "one recipe for all", "`finetune.tasks`"),
        STUDY + "refine: {tasks: {pairs: {epochs: 2}}}\n",
    ),
    Case(
        "changes for no task",
        ("`finetune.tasks.pair`", "'pair'", "did you mean 'pairs'?"),
        STUDY + "finetune: {tasks: {pair: {epochs: 2}}}\n",
    ),
    Case(
        "longer than the encoder",
        ("`refine.max_length`", "found 600", "at most 512", "lower it"),
        STUDY + "refine: {max_length: 600}\n",
    ),
    Case("a limit of 0", ("`limits.max_dev`", "found 0;"), STUDY + "limits: {max_dev: 0}\n"),
    Case("a negative margin", ("`margin`", "'-1'", "at least 0"), STUDY + "margin: -1\n"),
    Case("a margin of a point", ("`margin`", "below 1, where 0.01"), STUDY + "margin: 1\n"),
    Case(
        "two margins",
        ("`margin`", "{absolute: 0.1, relative: 1}", "exactly one"),
        STUDY + "margin: {absolute: 0.1, relative: 1}\n",
    ),
    Case(
        "three faults at once",
        ("line 1, `name`", "line 13, `seeds`", "line 14, `typo`"),
        change("name: bad", "name: a b").replace("seeds: 1", "seeds: x") + "typo: 1\n",
        faults=3,
    ),
    Case(
        "a setting of no key",
        ("--set refine.epoch=3", "mean 'epochs'?"),
        settings=("refine.epoch=3",),
    ),
    Case("a setting without =", ("--set seeds", "KEY=VALUE"), settings=("seeds",)),
    Case(
        "a setting of no task",
        ("--set tasks.pair.metric=accuracy", "'pair'", "found: pairs, mentions"),
        settings=("tasks.pair.metric=accuracy",),
    ),
]
BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10)
)
MERGES = "a0: &a0 {k0: x, l0: x}\n" + "".join(
    f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}], k{n}: x}}\n" for n in range(1, 12)
)
HOSTILE = [
    Case("an alias bomb", ("study.yaml", "more than 100,000 values", "aliases"), BOMB + STUDY),
    Case("a bomb of merges", ("study.yaml", "more than 100,000 values"), MERGES + STUDY),
    Case("an anchor in itself", ("study.yaml", "more than 100,000"), STUDY + "groups: &a [*a]\n"),
    Case("a study that is nested deeply", ("study.yaml", "nested too deeply"), "[" * 50_000),
    Case("a study of a megabyte", ("study.yaml", "larger than"), STUDY + "#" * (1 << 20)),
    Case(
        "too many seeds in a list",
        ("`seeds`", "found 1001 seeds", "at most 1000"),
        change("seeds: 1", f"seeds: {list(range(1001))}"),
    ),
    Case(
        "a number of seeds of 5000 digits",
        ("`seeds`", "at most 1000"),
        change("seeds: 1", f"seeds: {'9' * 5000}"),
    ),
    Case(
        "a seed that no generator takes",
        ("`seeds[1]`", str(2**64), "from 0 to 4294967295"),
        change("seeds: 1", f"seeds: [0, {2**64}]"),
    ),
    Case(
        "a negative seed",
        ("`seeds[0]`", "found -1", "from 0 to 4294967295"),
        change("seeds: 1", "seeds: [-1]"),
    ),
    Case(
        "a seed of the tiny encoder",
        ("seed", "from 0 to 4294967295"),
        change("heads: 2", f"heads: 2, seed: {2**32}"),
    ),
    Case(
        "a colour in a label",
        ("line 6", r"'\x1b[31mno'", "controls a terminal", "remove it"),
        change("[yes, no]", r'[yes, "\e[31mno"]'),
    ),
    Case(
        "NUL in a folder",
        ("line 7", r"'pa\x00irs'", "remove it"),
        change("folder: pairs", r'folder: "pa\0irs"'),
    ),
    Case(
        "NUL in a key",
        ("line 14", r"'a\x00'", "remove it"),
        STUDY + '"a\\0": 1\n',
    ),
    Case("half a character", ("line 1", "ud83d", "remove it"), change("bad", r'"\ud83d"')),
    Case(
        "a folder with a name that is too long",
        ("a" * 300, "too long"),
        change("folder: pairs", f"folder: {'a' * 300}"),
    ),
    Case(
        "an encoder with a name that is too long",
        ("a" * 300,),
        change("{name: tiny, tiny: {hidden_size: 16, layers: 1, heads: 2}}", "x/" + "a" * 300),
    ),
]
TRAIN, MENTIONS = "pairs/train.tsv", "mentions/train.tsv"
DATA = [
    Case(
        "no folder",
        ("gone/train.tsv: there is no such file", "check the path or the data root"),
        change("folder: pairs", "folder: gone"),
        faults=3,
    ),
    Case("no dev file", ("no file for dev", "dev.tsv", "carve_dev"), files={"pairs/dev.tsv": None}),
    Case(
        "no test in `files`",
        ("`files` names no file for test", "add `test: PATH`"),
        change("folder: pairs", "files: {train: pairs/train.tsv}"),
    ),
    Case("an empty file", (f"{TRAIN}: the file is empty",), files={TRAIN: ""}),
    Case("only a header", (TRAIN, "no examples for train"), files={TRAIN: "text\tlabel\n"}),
    Case(
        "no such column",
        (f"{TRAIN}, line 1", "no column 'label'", "found: text, labels", "mean 'labels'?"),
        files={TRAIN: TABLE.replace("label", "labels")},
    ),
    Case(
        "an unknown label",
        (f"{TRAIN}, line 3", "'No'", "allowed: no, yes", "mean 'no'?"),
        files={TRAIN: TABLE.replace("\tno", "\tNo")},
    ),
    Case(
        "too few fields",
        (f"{TRAIN}, line 3", "1 fields, but the header has 2", "mend the separators"),
        files={TRAIN: TABLE.replace("\tno", "")},
    ),
    Case(
        "an open quote",
        (f"{TRAIN}, line 2", "cannot be read", "doubled"),
        files={TRAIN: 'text\tlabel\n"He said\tyes\nIt is\tno\n'},
    ),
    Case(
        "rows between two bare marks",
        (f"{TRAIN}, line 3", "goes on to line 5 and has separators", "double its marks"),
        files={TRAIN: 'text\tlabel\nx\tyes\n"He said\tno\nsome\tyes\nand left"\tno\n'},
    ),
    Case(
        "a NUL",
        (f"{TRAIN}, line 2", "the text has the control character U+0000", "remove it"),
        files={TRAIN: "text\tlabel\nx\0y\tyes\n"},
    ),
    Case(
        "half a character",
        ("a.jsonl, line 1", "the text has U+D83D, half of a character", "U+FFFD"),
        without_mentions(
            "{format: jsonl, files: {train: a.jsonl, test: b.jsonl}}",
            "classification",
            "[a, b]",
        ),
        {
            "a.jsonl": '{"text": "x \\ud83d", "label": "a"}\n',
            "b.jsonl": '{"text": "x", "label": "a"}\n',
        },
    ),
    Case(
        "a JSON array",
        ("a.jsonl: not one JSON object a line", "begins with '['", "`jq -c '.[]' FILE`"),
        without_mentions("{format: jsonl, files: {train: a.jsonl, test: b.jsonl}}"),
        {
            "a.jsonl": "[\n" + '{"text": ["A"], "label": ["O"]},\n' * 30 + "]",
            "b.jsonl": '{"text": ["A"], "label": ["O"]}\n',
        },
    ),
    Case(
        "line ends of two kinds",
        (f"{MENTIONS}, line 2", "a carriage return (U+000D)", "end all lines alike"),
        files={MENTIONS: "A O\npill O\rhelps O\n"},
    ),
    Case(
        "a score that cannot be one",
        (f"{TRAIN}, line 2", "the score '1e300' is beyond 1e+15", "larger unit"),
        change("kind: classification\n    labels: [yes, no]", "kind: regression"),
        {
            TRAIN: TABLE[:11] + "x\t1e300\n",
            "pairs/dev.tsv": TABLE[:11] + "x\t1\n",
            "pairs/test.tsv": TABLE[:11] + "x\t1\n",
        },
    ),
    Case(
        "a label that looks like another",
        (f"{TRAIN}, line 2", "'yеs'", "mean 'yes' (with U+0065 where this has U+0435)?"),
        files={TRAIN: "text\tlabel\nx\tyеs\n"},
    ),
    Case(
        "a control character in a label",
        ("line 6", "'yes\\x1b'", "a character that controls a terminal", "remove it"),
        change("[yes, no]", '["yes\\e", no]'),
    ),
    Case(
        "a label with a comma where commas divide",
        ("`tasks.mentions`", "the label 'a, b'", "at commas", "rename it"),
        without_mentions("{format: csv, folder: mentions}", "multilabel", '["a, b", c]'),
    ),
    Case(
        "bytes that are not UTF-8",
        (f"{TRAIN}, line 2", "0xe9", "save the file as UTF-8"),
        files={TRAIN: b"text\tlabel\ncaf\xe9\tyes\n"},
    ),
    Case(
        "an empty text",
        (f"{TRAIN}, line 2", "text is empty"),
        files={TRAIN: "text\tlabel\n\tyes\n"},
    ),
    Case(
        "faults in two files",
        (f"{TRAIN}, line 2", "mentions/test.tsv, line 2"),
        files={TRAIN: "text\tlabel\nx\tperhaps\n", "mentions/test.tsv": "A O\npill B-Drog\n"},
        faults=2,
    ),
    Case(
        "a score in words",
        (f"{TRAIN}, line 2", "'yes'", "write one such as 3.5"),
        change("kind: classification\n    labels: [yes, no]", "kind: regression"),
        {"pairs/dev.tsv": TABLE[:11] + "x\t1\n", "pairs/test.tsv": TABLE[:11] + "x\t1\n"},
        faults=2,
    ),
    Case(
        "a word without a tag",
        (f"{MENTIONS}, line 2", "1 columns", "lines before have 2"),
        files={MENTIONS: "A O\npill\n"},
    ),
    Case(
        "an unknown tag",
        (f"{MENTIONS}, line 2", "'B-Drog'", "mean 'B-Drug'?"),
        files={MENTIONS: "A O\npill B-Drog\n"},
    ),
    Case(
        "a mention without a beginning",
        (f"{MENTIONS}, line 2", "'I-Drug'", "'B-Drug'", "`scheme: iob1`"),
        files={MENTIONS: "A O\npill I-Drug\n"},
    ),
    Case(
        "a column by name in CoNLL",
        ("'word'", "numbers from 0"),
        without_mentions("{format: conll, folder: mentions, columns: {text: word}}"),
        faults=3,
    ),
    Case(
        "more words than tags",
        ("a.jsonl, line 1", "2 words but 1 tags", "give every word one tag"),
        without_mentions("{format: jsonl, files: {train: a.jsonl, dev: b.jsonl, test: b.jsonl}}"),
        {
            "a.jsonl": '{"text": ["A", "pill"], "label": ["O"]}\n',
            "b.jsonl": '{"text": ["A", "pill"], "label": ["O", "B-Drug"]}\n',
        },
    ),
    Case(
        "a line that is not JSON",
        ("a.jsonl, line 1", "not a JSON object"),
        without_mentions("{format: jsonl, files: {train: a.jsonl, test: b.jsonl}}"),
        {"a.jsonl": "{text: A}\n", "b.jsonl": '{"text": ["A"], "label": ["O"]}\n'},
    ),
    Case(
        "tags in a table",
        ("a tagging task is not read from tsv", "use conll, pubtator, jsonl or datasets"),
        without_mentions("{format: tsv, folder: mentions}"),
        faults=3,
    ),
    Case(
        "a document that cannot be divided",
        ("dev cannot be carved", "documents", "Give a dev file"),
        change("folder: pairs", "files: {train: pairs/train.tsv, test: pairs/test.tsv}"),
        {TRAIN: "text\tlabel\nx\tyes\n"},
    ),
    Case(
        "no such generator",
        ("no built-in task 'entitys'", "entities"),
        without_mentions("{format: synthetic, task: entitys, train: 9, dev: 9, test: 9}"),
    ),
]
TINY = "{name: tiny, tiny: {hidden_size: 16, layers: 1, heads: 2}}"
ENCODERS = [
    Case(
        "a model that is not here",
        ("'nobody/no-such-model'", "neither a local folder nor", "prefetch STUDY"),
        change(TINY, "nobody/no-such-model"),
    ),
    Case(
        "a folder without a model",
        ("pairs", "holds no config.json", "`save_pretrained`"),
        change(TINY, "pairs"),
    ),
    Case(
        "a package that is not installed",
        ("'no_such_package'", "not installed", "pip install no-such-package"),
        change(TINY, "package:no_such_package/model"),
    ),
    Case(
        "a model whose configuration is damaged",
        ("config.json", "not valid JSON"),
        change(TINY, "model"),
        {"model/config.json": "{"},
    ),
    Case(
        "a model without a tokenizer",
        ("model", "holds no vocabulary for its tokenizer", "vocab.txt"),
        change(TINY, "model"),
        {"model/config.json": '{"model_type": "bert"}'},
    ),
    Case(
        "no text for the vocabulary",
        ("encoder tiny", "gone.txt"),
        change("heads: 2", "heads: 2, texts: [gone.txt]"),
    ),
]
LAYERS = [
    Case(
        "more layers frozen than there are",
        ("encoder tiny", "freeze_layers is 2", "only 1 layers", "lower `freeze_layers`"),
        STUDY + "refine: {freeze_layers: 2}\n",
    ),
    Case(
        "more layers renewed than there are, in a variant",
        ("encoder tiny", "reinit_layers is 5", "only 1 layers", "lower `reinit_layers`"),
        STUDY + "variants: {plain: {}, fresh: {reinit_layers: 5}}\n",
    ),
    Case(
        "layers both frozen and renewed",
        ("encoder tiny", "freeze_layers 1 and reinit_layers 1 overlap", "lower one of them"),
        STUDY + "refine: {freeze_layers: 1}\nvariants: {fresh: {reinit_layers: 1}}\n",
    ),
    Case(
        "a model that does not count its layers",
        ("encoder model", "counts no layers", "num_hidden_layers", "leave `freeze_embeddings`"),
        change(TINY, "model") + "refine: {layer_decay: 0.9}\n",
        {
            "model/config.json": '{"model_type": "bert"}',
            "model/vocab.txt": "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n",
            "model/pytorch_model.bin": "",
        },
    ),
    Case(
        "a variant twice",
        ("line 14, `variants.b`", "changes of the variant 'a' a second time"),
        STUDY + "variants: {a: {epochs: 3}, b: {epochs: 3}}\n",
    ),
    Case(
        "an unknown key of a variant",
        ("line 14, `variants.a.epoch`", "'epoch'", "did you mean 'epochs'?"),
        STUDY + "variants: {a: {epoch: 3}}\n",
    ),
]
CASES = [*LAYERS, *FILE, *VALUES, *HOSTILE, *DATA, *ENCODERS]


def arguments(study: Path, *settings: str) -> list[str]:
    out = study.parent / "out"
    places = [f"--store={out}/stages", f"--results={out}/results", f"--plots={out}/plots"]
    changes = [f"--set={setting}" for setting in settings]
    return ["run", str(study), *places, "--executor=in-process", "--quiet", *changes]


def check(said: tuple[str, ...], faults: int, code: int, stdout: str, stderr: str) -> None:
    assert code == 2
    assert stdout == ""
    lines = set(stderr.splitlines())  # what is wrong with a task is told for each of its splits
    assert [line for line in lines if not line.startswith("error: ")] == []
    assert len(lines) == faults
    rest = stderr
    for part in said:
        assert part in rest, f"{part!r} is not in what is left of: {stderr}"
        rest = rest[rest.index(part) + len(part) :] if faults > 1 else rest


def test_the_study_that_all_others_differ_from_is_good(tmp_path: Path, command: Command) -> None:
    study = Case("good", ()).lay_out(tmp_path)
    assert command("plan", str(study), f"--store={tmp_path}/out")[0] == 0


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bad_input(case: Case, tmp_path: Path, command: Command) -> None:
    study = case.lay_out(tmp_path)
    check(case.said, case.faults, *command(*arguments(study, *case.settings)))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("case", [VALUES[0], DATA[6]], ids=lambda case: case.name)
def test_bad_input_to_a_process_of_its_own(case: Case, tmp_path: Path) -> None:
    study = case.lay_out(tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "transfer_study", *arguments(study)],
        capture_output=True,
        text=True,
        check=False,
    )
    check(case.said, case.faults, done.returncode, done.stdout, done.stderr)
    assert not (tmp_path / "out").exists()


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_is_stored_stays_as_it_is(tmp_path: Path, command: Command) -> None:
    study = Case("changed", (), files={TRAIN: ""}).lay_out(tmp_path)
    for name in ("stages/stages/old/result.json", "results/bad/deltas.csv", "plots/bad/a.svg"):
        path = tmp_path / "out" / name
        path.parent.mkdir(parents=True)
        path.write_text("kept", encoding="utf-8")
    before = contents(tmp_path / "out")
    assert command(*arguments(study))[0] == 2
    assert contents(tmp_path / "out") == before


@pytest.mark.parametrize("option", ["store", "results", "plots"])
def test_a_file_where_a_folder_should_be(tmp_path: Path, command: Command, option: str) -> None:
    study = Case("good", ()).lay_out(tmp_path)
    place = tmp_path / "out" / {"store": "stages"}.get(option, option)
    place.parent.mkdir()
    place.write_text("in the way", encoding="utf-8")
    before = contents(tmp_path / "out")
    check((str(place), f"--{option}"), 1, *command(*arguments(study)))
    assert contents(tmp_path / "out") == before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--workesr=3"], "--workers"),
        (["--workers=0"], "--workers"),
        (["--workers=many"], "--workers"),
        (["--executor=slurm"], "in-process"),
    ],
)
def test_options_that_make_no_sense(
    tmp_path: Path, command: Command, options: list[str], said: str
) -> None:
    study = Case("good", ()).lay_out(tmp_path)
    code, stdout, stderr = command(*arguments(study), *options)
    assert (code, stdout) == (2, "")
    assert said in stderr
    assert "Traceback" not in stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("words", [["run"], ["rum", "x.yaml"]], ids=" ".join)
def test_commands_that_make_no_sense(command: Command, words: list[str]) -> None:
    code, stdout, stderr = command(*words)
    assert (code, stdout) == (2, "")
    assert "Traceback" not in stderr


def test_more_gpus_than_any_machine_has(tmp_path: Path) -> None:
    """Through real Ray, in a process of its own, as Ray leaves threads behind."""
    study = Case("good", ()).lay_out(tmp_path)
    options = [*arguments(study), "--executor=ray", "--gpus-per-stage=4"]
    done = subprocess.run(
        [sys.executable, "-m", "transfer_study", *options],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
    )
    check(
        ("4 GPUs", "0 GPUs", "lower", "--gpus-per-stage"),
        1,
        done.returncode,
        done.stdout,
        done.stderr,
    )
    # What Ray says is kept, the plan, and nothing else.
    kept = {path.name for path in (tmp_path / "out" / "stages").rglob("*.*")}
    assert kept == {"ray.log", "bad.json"}
    assert not list((tmp_path / "out").rglob("*.csv"))
