"""Where a task's data are, and which parts of a row are read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from typing_extensions import Self

from transfer_study.spec.characters import composed
from transfer_study.spec.frozen import Frozen, Seed

SplitName = Literal["train", "dev", "test"]
SPLITS: tuple[SplitName, ...] = ("train", "dev", "test")


def _number_as_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


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
# IOB1 writes `B-` only between adjacent mentions: an `I-` that continues nothing begins one.
Scheme = Literal["iob2", "iob1"]


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
    id: Column | None = None
    """What names an example; rows are numbered where nothing does."""
    document: Column | None = None
    """The document of an example: rows of one document are resampled together."""


class FileSource(Frozen):
    """Local files, one a split: `folder` holds train, dev and test, or `files` names them."""

    format: Literal["tsv", "csv", "jsonl", "conll"]
    """Tables with tabs or commas, JSON lines, or a word and its tag a line."""
    folder: Path | None = None
    """The folder of train, dev and test, found by the usual names."""
    files: dict[SplitName, Path] = Field(default_factory=dict)
    """The file of each split; without dev, dev is carved from train."""
    columns: Columns = Columns()
    """Which column holds what."""
    header: Header | dict[SplitName, Header] | None = None
    """The columns of tables that have no header line: of all splits, or by split."""
    document_pattern: DocumentPattern | None = None
    """A regular expression whose first group, found in the example's id, is its document."""
    scheme: Scheme = "iob2"
    """How tags mark the words of a mention: in iob1 an I- may begin one."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.folder is None) == (not self.files):
            raise ValueError(
                "give either `folder` (holding train, dev and test files) or `files`, "
                "not both or neither"
            )
        if self.header is not None and self.format not in ("tsv", "csv"):
            raise ValueError(
                f"found `header`, but {self.format} files have no header line; remove it"
            )
        return self

    def header_of(self, split: SplitName) -> Header | None:
        """The columns of a split's file; None where its first line names them."""
        return self.header.get(split) if isinstance(self.header, dict) else self.header

    def path(self, split: SplitName) -> Path | None:
        """The file of a split; None where `files` does not name one."""
        if self.folder is not None:
            suffix = "tsv" if self.format == "conll" else self.format
            return self.folder / f"{split}.{suffix}"
        return self.files.get(split)


class DatasetsSource(Frozen):
    """A data set of the `datasets` library: a hub name or a folder saved by `save_to_disk`."""

    format: Literal["datasets"]
    """The `datasets` library."""
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
    columns: Columns = Columns()
    """Which column holds what."""
    document_pattern: DocumentPattern | None = None
    """A regular expression whose first group, found in the example's id, is its document."""
    scheme: Scheme = "iob2"
    """How tags mark the words of a mention: in iob1 an I- may begin one."""


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
