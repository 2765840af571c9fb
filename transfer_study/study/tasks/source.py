"""Where a task's data are, and which parts of a row are read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from typing_extensions import Self

from transfer_study.study.characters import composed
from transfer_study.study.frozen import Frozen, Seed

SplitName = Literal["train", "dev", "test"]
SPLITS: tuple[SplitName, ...] = ("train", "dev", "test")


def _number_as_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _as_texts(value: object) -> object:
    """One value or several, as texts."""
    several = value if isinstance(value, list | tuple) else [value]
    return ["" if item is None else _number_as_text(item) for item in several]


def _one_sign(delimiter: str) -> str:
    if len(delimiter) != 1 or delimiter in '"\n\r':
        raise ValueError(
            f"found the delimiter {delimiter!r}; give one sign that is no quotation mark and no "
            "line end, such as ';' or '|'"
        )
    return delimiter


def _one_group(pattern: str) -> str:
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    if groups == 0:
        raise ValueError("the pattern has no group; put the part that names the document in ( )")
    return pattern


# Names of columns are compared with those of the data in the composed form of Unicode.
Column = Annotated[str, BeforeValidator(_number_as_text), AfterValidator(composed)]
Header = tuple[Column, ...]
DocumentPattern = Annotated[str, AfterValidator(_one_group)]
# IOB1 writes `B-` only between adjacent mentions: an `I-` that continues nothing begins one. BIOES
# (IOBES, BILOU) has tags of its own for the last word of a mention and for mentions of one word.
Scheme = Literal["iob2", "iob1", "bioes"]
# What a label of a multiple-choice task says of the right candidate.
AnswerKey = Literal["letter", "text", "from_0", "from_1"]
ANSWER_KEYS: tuple[AnswerKey, ...] = ("letter", "text", "from_0", "from_1")
# A value as it is written: numbers and truth values of JSON are compared as text.
Texts = Annotated[tuple[str, ...], BeforeValidator(_as_texts), Field(min_length=1)]
LeaveOut = Annotated[dict[Column, Texts], Field(min_length=1)]


class Columns(Frozen):
    """Where a row keeps its parts: a column's name, or its number from 0 in CoNLL files.

    Of several names for `label`, the first that the file has is read.
    """

    text: Column = "text"
    """The text, or the first of two; the words of tagging."""
    text2: Column | None = None
    """The second text of a pair."""
    label: Column | tuple[Column, ...] = "label"
    """The label, score or tags; of several names the first that the file has."""
    candidates: Column | Header | None = None
    """Multiple choice: the column that lists the candidates, or one column for each, in order; the
    last ones may be empty."""
    id: Column | None = None
    """What names an example; rows are numbered where nothing does."""
    document: Column | None = None
    """The document of an example: rows of one document are resampled together."""


class SplitColumn(Frozen):
    """How a column says to which split a row belongs, where one file holds them all."""

    column: Column
    """The column's name."""
    train: Texts = ("train",)
    """Its values for train."""
    dev: Annotated[tuple[str, ...], BeforeValidator(_as_texts)] = ("dev",)
    """Its values for dev; with none, [], dev is carved from train."""
    test: Texts = ("test",)
    """Its values for test."""

    @model_validator(mode="after")
    def _apart(self) -> Self:
        values = [value for split in SPLITS for value in getattr(self, split)]
        twice = next((value for value in values if values.count(value) > 1), None)
        if twice is not None:
            raise ValueError(f"found the value {twice!r} twice; a row belongs to one split")
        return self


class FileSource(Frozen):
    """Local files: `folder` or `files` with one a split, or one `file` with a column of splits."""

    format: Literal["tsv", "csv", "jsonl", "conll", "pubtator"]
    """Tables with tabs or commas, JSON lines, a word and its tag a line (CoNLL-U too), or texts
    with mentions (PubTator)."""
    folder: Path | None = None
    """The folder of train, dev and test, found by the usual names."""
    files: dict[SplitName, Path] = Field(default_factory=dict)
    """The file of each split; without dev, dev is carved from train."""
    file: Path | None = None
    """The file of all splits, which `split` tells apart."""
    split: SplitColumn | None = None
    """Of `file`: the column of splits, and its values."""
    data: Path | None = None
    """The root of this task's files instead of the study's, relative to the study file."""
    columns: Columns = Columns()
    """Which column holds what; of JSON, `passage.text` is a key within a key."""
    delimiter: Annotated[str, AfterValidator(_one_sign)] | None = None
    """What divides the columns of a tsv or csv file that has other signs, such as ';'."""
    header: Header | dict[SplitName, Header] | None = None
    """The columns of tables that have no header line: of all splits, or by split."""
    leave_out: LeaveOut | None = None
    """Rows that are not read: values by column, such as {gold_label: ["-"], score: [""]}, where ""
    is an empty or missing value. `tasks` counts them."""
    document_pattern: DocumentPattern | None = None
    """A regular expression whose first group, found in the example's id, is its document."""
    scheme: Scheme = "iob2"
    """How tags mark the words of a mention: in iob1 an I- may begin one; bioes (IOBES, BILOU) marks
    its last word and single words."""
    answer_key: AnswerKey = "letter"
    """Multiple choice: what the label is, the right candidate's letter, its own text, or its place
    counted from 0 or 1."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if [self.folder is None, not self.files, self.file is None].count(False) != 1:
            raise ValueError(
                "give one of `folder` (holding train, dev and test files), `files` (one a split) "
                "and `file` (one for all, with `split`), not several or none"
            )
        if (self.file is None) != (self.split is None):
            raise ValueError("`file` and `split` go together; give both or neither")
        tables, rows = ("tsv", "csv"), ("tsv", "csv", "jsonl")
        for key, formats, what in (
            ("header", tables, "have no header line"),
            ("delimiter", tables, "have no delimiter to choose"),
            ("split", rows, "have no rows with a column of splits"),
            ("leave_out", rows, "have no rows with values"),
        ):
            if getattr(self, key) is not None and self.format not in formats:
                raise ValueError(f"found `{key}`, but {self.format} files {what}; remove it")
        return self

    def header_of(self, split: SplitName) -> Header | None:
        """The columns of a split's file; None where its first line names them."""
        return self.header.get(split) if isinstance(self.header, dict) else self.header

    def path(self, split: SplitName) -> Path | None:
        """The file of a split; None where `files` does not name one."""
        if self.file is not None and self.split is not None:
            return self.file if getattr(self.split, split) else None
        if self.folder is not None:
            suffix = "tsv" if self.format == "conll" else self.format
            return self.folder / f"{split}.{suffix}"
        return self.files.get(split)


class DatasetsSource(Frozen):
    """A data set of the `datasets` library: a hub name or a folder saved by `save_to_disk`."""

    format: Literal["datasets"]
    """The `datasets` library."""
    tasksource: str | None = None
    """The name of a task of the `tasksource` package, such as glue/rte, which makes its rows: their
    columns are sentence1, sentence2 and labels, or tokens and labels. `name` is then a folder with
    the data set as its authors have it; without one it comes from its hub."""
    name: str
    """A hub id, or a folder."""
    config: str | None = None
    """The configuration of a hub id that has several."""
    revision: str | None = None
    """The version of a hub id: a branch, tag or commit."""
    splits: dict[SplitName, str] = Field(
        default={"train": "train", "dev": "validation", "test": "test"}
    )
    """What the data set calls its splits; without dev, dev is carved from train."""
    data: Path | None = None
    """The root of a relative folder instead of the study's, relative to the study file."""
    columns: Columns = Columns()
    """Which column holds what; `passage.text` is a key within a key."""
    leave_out: LeaveOut | None = None
    """Rows that are not read: values by column, such as {gold_label: ["-"], score: [""]}, where ""
    is an empty or missing value. `tasks` counts them."""
    document_pattern: DocumentPattern | None = None
    """A regular expression whose first group, found in the example's id, is its document."""
    scheme: Scheme = "iob2"
    """How tags mark the words of a mention: in iob1 an I- may begin one; bioes (IOBES, BILOU) marks
    its last word and single words."""
    answer_key: AnswerKey = "letter"
    """Multiple choice: what the label is, the right candidate's letter, its own text, or its place
    counted from 0 or 1."""

    @model_validator(mode="before")
    @classmethod
    def _named_by_tasksource(cls, value: object) -> object:
        """What tasksource names needs no other name."""
        if isinstance(value, dict) and value.get("tasksource"):
            for key in ("config", "revision"):
                if value.get(key) is not None:
                    raise ValueError(f"found `{key}`, which tasksource chooses itself; remove it")
            return {"name": value["tasksource"], **value}
        return value


class SyntheticSource(Frozen):
    """A task generated from a seed over a hidden lexicon of made words (see data/synthetic.py)."""

    format: Literal["synthetic"]
    """Nothing is read."""
    task: str
    """entities, relation, conflict or topics."""
    train: int = Field(gt=0)
    """Examples to learn from."""
    dev: int = Field(gt=0)
    """Examples to choose the epoch by."""
    test: int = Field(gt=0)
    """Examples to score on."""
    seed: Seed = 0
    """Of the texts."""


Source = Annotated[FileSource | DatasetsSource | SyntheticSource, Field(discriminator="format")]
