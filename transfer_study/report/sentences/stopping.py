"""How training ended where a recipe has `patience`: what the report says of its method and runs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

import pandas as pd

from transfer_study.points import counted
from transfer_study.store.stage_record import StageRecord
from transfer_study.study.plan import Plan
from transfer_study.study.stage import Stage, StageKind

# What rows of the table of `report.beside.made` say of stages with patience.
EPOCHS, LAST_IS_BEST = "epochs", "last epoch is best"


def ending_of(stage: Stage, record: StageRecord) -> Iterator[tuple[str, str]]:
    """What is counted of a finished stage; nothing without patience."""
    most = stage.recipe.epochs
    if stage.recipe.patience is None:
        return
    ran = record.ended_after or most
    yield EPOCHS, f"{ran} of {most}"
    chosen = {record.handed_on_epoch, *record.selected_epoch.values()}
    if ran == most and most in chosen:
        yield LAST_IS_BEST, str(most)


def stopping_method(plan: Plan) -> str:
    """How training stops, as a sentence for a paper; empty where no stage has patience."""
    stages = [stage for stage in plan if stage.recipe.patience is not None]

    def rule(stage: Stage) -> tuple[str, int, int]:
        assert stage.recipe.patience is not None
        watched = (
            "no lower loss on held-out texts"
            if stage.kind is StageKind.PRETRAIN
            else "no better dev score of any of its tasks, nor of their mean"
        )
        return watched, stage.recipe.patience, stage.recipe.epochs

    said = []
    for (watched, patience, most), like in groupby(sorted(stages, key=rule), rule):
        kinds = ", ".join(sorted({str(stage.kind) for stage in like}))
        said.append(f"of at most {most} epochs after {patience} with {watched} ({kinds})")
    if not said:
        return ""
    return (
        f"Training ended early: {'; '.join(said)}. The learning rate followed the schedule of all "
        "epochs."
    )


def endings(made: pd.DataFrame | None) -> list[str]:
    """How early stages with patience ended, in a sentence."""
    rows = _rows(made, EPOCHS)
    if rows is None:
        return []
    n = [(int(ran), int(most)) for ran, _, most in rows["found"].astype(str).str.split()]
    stages = rows["stages"].astype(int)
    early = sum(count for (ran, most), count in zip(n, stages, strict=True) if ran < most)
    passed = sum(ran * count for (ran, _), count in zip(n, stages, strict=True))
    planned = sum(most * count for (_, most), count in zip(n, stages, strict=True))
    return [
        f"Of {counted(int(stages.sum()), 'stage')} with patience {early} ended early; together "
        f"they made {passed / planned:.0%} of their epochs."
    ]


def last_epoch_doubt(made: pd.DataFrame | None) -> list[str]:
    """That some stages were still getting better when their epochs ended."""
    rows = _rows(made, LAST_IS_BEST)
    if rows is None:
        return []
    n = int(rows["stages"].astype(int).sum())
    was = "was" if n == 1 else "were"
    return [
        f"{counted(n, 'stage')} with patience {was} best in the last of all epochs: a higher "
        "`epochs` might raise their scores, and move the edges that they are part of."
    ]


def _rows(made: pd.DataFrame | None, what: str) -> pd.DataFrame | None:
    if made is None or not (made["what"] == what).any():
        return None
    return made[made["what"] == what]
