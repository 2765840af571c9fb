"""What a stage says of itself in `stage.json`, read as one type or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from transfer_study.study.frozen import content_hash
from transfer_study.study.stage import Stage
from transfer_study.visible import visible

T = TypeVar("T")
_Shown = Annotated[str, AfterValidator(visible)]


def renamed(values: Mapping[str, T], stage: Stage) -> dict[str, T]:
    """What stands by task, in the stage's order, by the names that the tasks have now.

    Raises ValueError where there are more or fewer; a stage without tasks has none to rename.
    """
    if not stage.tasks:
        return dict(values)
    names = (member.task.name for member in stage.tasks)
    return dict(zip(names, values.values(), strict=True))


class _Kept(BaseModel):
    """Immutable; keys of other versions are let be."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class KeptWeights(_Kept):
    """Whose weights a stage hands on: those of its committed run, or of one that did not agree.

    `alike` is the share of that run's test answers that were as committed, by task; empty where
    the runs agree.
    """

    attempt: _Shown
    alike: dict[str, Annotated[float, Field(ge=0, le=1)]] = {}


class Provenance(_Kept):
    """With what, when, where and at what cost a stage was run."""

    versions: dict[str, _Shown]
    date: _Shown = ""  # in UTC, empty of earlier versions
    host: _Shown = ""
    device: _Shown
    gpu_share: float = Field(default=0, ge=0, le=1e3)  # of the device, where that is a GPU
    wall_seconds: float = Field(ge=0, le=1e9)
    peak_memory_bytes: int = Field(default=0, ge=0, le=1 << 60)
    starts: dict[str, KeptWeights] = {}  # by the parent's name


class StageRecord(_Kept):
    """The content of `stage.json`; `pre_image` is that of the id.

    `ended_after` is the number of epochs of a run that its patience ended, None of any other.
    `alike` is said of a run that does not agree with the committed one, as in `Weights`. Tasks are
    in the stage's order, by the names that they had when it was run.
    """

    id: str
    family: _Shown
    pre_image: dict[str, Any]
    selected_epoch: dict[str, int]
    handed_on_epoch: int
    ended_after: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    provenance: Provenance
    alike: dict[str, Annotated[float, Field(ge=0, le=1)]] = {}

    def named(self, stage: Stage) -> StageRecord:
        """The record with the stage's tasks by the names that they have now."""
        alike = renamed(self.alike, stage) if self.alike else {}
        selected = renamed(self.selected_epoch, stage)
        return self.model_copy(update={"selected_epoch": selected, "alike": alike})

    @property
    def is_whole(self) -> bool:
        """Whether the pre-image is the one that the id is the hash of."""
        return content_hash(self.pre_image)[:16] == self.id
