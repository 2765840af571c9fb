"""What a report tells besides scores: leaks of the data, costs of the stages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from transfer_study.errors import StoreError
from transfer_study.records.store import Store
from transfer_study.report.kept_table import read_kept
from transfer_study.spec.plan import Plan
from transfer_study.spec.stage import Stage
from transfer_study.visible import visible

LEAKS_FILE, COSTS_FILE = "leaks.csv", "costs.csv"
_LISTED = 5
_COSTS = ["stages of", "stages", "core_hours", "gpu_minutes", "mean_seconds", "peak_gigabytes"]
_COSTS += ["device"]


@dataclass(frozen=True)
class Beside:
    """Tables of `leaks` (`data.leaks.leak_table`) and `costs`; None where nothing is known.

    `file` is the study as commands name it, `options` what its report was asked for besides;
    `lost` is what the store had and has no more, `apart` what `other_attempts` found, both in
    sentences.
    """

    leaks: pd.DataFrame | None = None
    costs: pd.DataFrame | None = None
    file: str = "STUDY"
    options: str = ""
    lost: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()

    def kept_in(self, results: Path) -> Beside:
        """With what an earlier report kept where nothing newer is known, and kept for a later."""
        results.mkdir(parents=True, exist_ok=True)
        tables: dict[str, Any] = {}
        for name, file in (("leaks", results / LEAKS_FILE), ("costs", results / COSTS_FILE)):
            table: pd.DataFrame | None = getattr(self, name)
            if table is not None:
                table.map(_shown).to_csv(file, index=False, lineterminator="\n")
            elif file.exists():
                table = read_kept(file, keep_default_na=False)
            tables[name] = None if table is None else table.map(_shown)
        return replace(self, **tables)


def costs(plan: Plan, store: Store) -> pd.DataFrame | None:
    """What the complete stages took, a row a kind of stage; None where the store has none of them.

    `core_hours` are wall hours times the threads of the recipe, of stages that ran on CPUs;
    `gpu_minutes` those of the others, each by its share of a GPU. The last row is of `all`.
    """
    columns = ["stages of", "seconds", "h", "gpu", "b", "device"]
    rows = pd.DataFrame(list(_taken(plan, store)), columns=columns)
    if rows.empty:
        return None
    kinds = [*rows.groupby("stages of", sort=False), ("all", rows)]
    return pd.DataFrame(
        [
            (
                kind,
                len(of_kind),
                round(of_kind["h"].sum(), 4),
                round(of_kind["gpu"].sum(), 2),
                round(of_kind["seconds"].mean(), 1),
                round(of_kind["b"].max() / 1e9, 1),
                ", ".join(sorted(set(of_kind["device"]))),
            )
            for kind, of_kind in kinds
        ],
        columns=_COSTS,
    )


def other_attempts(plan: Plan, store: Store) -> tuple[str, ...]:
    """Which stages began from weights that do not answer as is told of them, in a sentence."""
    began, shares = 0, dict[str, float]()
    for stage in filter(store.is_done, plan):
        with suppress(StoreError):  # told where its answers are read
            starts = store.record(stage).provenance.starts
            apart = {name: min(w.alike.values()) for name, w in starts.items() if w.alike}
            began += bool(apart)
            shares |= apart
    if not began:
        return ()
    listed = [f"{name} ({share:.1%} alike)" for name, share in sorted(shares.items())]
    more = f" and {len(listed) - _LISTED} more" if len(listed) > _LISTED else ""
    return (
        f"{began} stage{' begins' if began == 1 else 's begin'} from weights that were made later, "
        "by running a stage again on another kind of processor or with other versions, and that do "
        "not answer as that stage's own scores say, which are those of its first run: "
        f"{', '.join(listed[:_LISTED])}{more}.",
    )


def _taken(plan: Plan, store: Store) -> Iterator[tuple[str, float, float, float, float, str]]:
    for stage in plan:
        if not store.is_done(stage):
            continue
        try:
            made = store.record(stage).provenance
        except StoreError:
            continue  # what a stage took is no reason to withhold a report
        seconds, share = made.wall_seconds, made.gpu_share
        hours = 0.0 if share else seconds * stage.recipe.cpu_threads / 3600
        yield (
            _kind(stage),
            seconds,
            hours,
            share * seconds / 60,
            made.peak_memory_bytes,
            made.device,
        )


def _shown(value: Any) -> Any:
    """Ids and documents are whatever the corpora have."""
    return visible(value) if isinstance(value, str) else value


def _kind(stage: Stage) -> str:
    n = len(stage.tasks)
    return f"{stage.kind}, {n} task{'' if n == 1 else 's'}" if n else str(stage.kind)
