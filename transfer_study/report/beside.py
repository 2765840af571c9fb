"""What a report tells besides scores: leaks of the data, costs of the stages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from transfer_study.errors import StoreError
from transfer_study.points import counted
from transfer_study.report.sentences.so_far import SoFar
from transfer_study.report.sentences.stopping import ending_of
from transfer_study.report.tables.kept_table import read_kept
from transfer_study.report.traits import Traits
from transfer_study.store.stage_record import StageRecord
from transfer_study.store.store import Store
from transfer_study.study.plan import Plan
from transfer_study.study.stage import Stage
from transfer_study.study.stage_labels import stage_labels
from transfer_study.visible import visible

LEAKS_FILE, COSTS_FILE, MADE_FILE = "leaks.csv", "costs.csv", "made.csv"
_LISTED = 5
_COSTS = ["stages of", "stages", "core_hours", "gpu_minutes", "mean_seconds", "peak_gigabytes"]
_COSTS += ["device"]


@dataclass(frozen=True)
class Beside:
    """Tables of `leaks` (`data.leaks.leak_table`), `costs` and `made`; None where nothing is known.

    `file` is the study as commands name it, `options` what its report was asked for besides;
    `lost` is what the store had and has no more, `apart` what `other_attempts` found, both in
    sentences. `traits` are of the test examples, by task and trait. `so_far` is of a study that
    runs. With `predict`, pairs that were not measured are estimated.
    """

    leaks: pd.DataFrame | None = None
    costs: pd.DataFrame | None = None
    file: str = "STUDY"
    options: str = ""
    lost: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()
    made: pd.DataFrame | None = None
    traits: Traits = field(default_factory=dict)
    so_far: SoFar | None = None
    predict: bool = False

    def with_kept_leaks(self, of_study: Path) -> Beside:
        """With the leaks that an earlier report kept in the study's folder."""
        file = of_study / LEAKS_FILE
        leaks = read_kept(file, keep_default_na=False) if file.exists() else None
        return replace(self, leaks=leaks)

    def without_examples(self, of_study: Path) -> Beside:
        """With the leaks that an earlier report kept in the study's folder, but for their ids."""
        kept = self.with_kept_leaks(of_study)
        if kept.leaks is None:
            return kept
        return replace(kept, leaks=kept.leaks.drop(columns="examples", errors="ignore"))

    def kept_in(self, results: Path, of_study: Path, *, alike: bool = True) -> Beside:
        """With what an earlier report kept where nothing newer is known, and kept in `results`.

        `of_study` is the study's own folder; of a report that is not `alike` in its stages, only
        the leaks are the same.
        """
        results.mkdir(parents=True, exist_ok=True)
        tables: dict[str, Any] = {}
        for name, kept in (("leaks", LEAKS_FILE), ("costs", COSTS_FILE), ("made", MADE_FILE)):
            file = results / kept
            earlier = of_study / kept if alike or kept == LEAKS_FILE else file
            table: pd.DataFrame | None = getattr(self, name)
            known = table is not None
            if table is None and earlier.exists():
                table = read_kept(earlier, keep_default_na=False)
            if table is not None and (known or earlier != file):
                table.map(_shown).to_csv(file, index=False, lineterminator="\n")
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


def made(plan: Plan, store: Store) -> pd.DataFrame | None:
    """With what the complete stages were run: a row a date, device or version of a library.

    And of those with patience a row a number of epochs. None where the store has no stage of it.
    """
    found = Counter[tuple[str, str]]()
    for stage, record in _records(plan, store):
        told = record.provenance
        found.update(ending_of(stage, record))
        found.update([("date", told.date), ("device", told.device)])
        found.update(told.versions.items())
    rows = [(what, name, stages) for (what, name), stages in sorted(found.items()) if name]
    return pd.DataFrame(rows, columns=["what", "found", "stages"]) if rows else None


def other_attempts(plan: Plan, store: Store) -> tuple[str, ...]:
    """Which stages began from weights that do not answer as is told of them, in a sentence."""
    began, shares = 0, dict[str, float]()
    labels = stage_labels(plan)
    called = {stage.name: labels[stage.id] for stage in plan}
    for stage in filter(store.is_done, plan):
        with suppress(StoreError):  # told where its answers are read
            starts = store.record(stage).provenance.starts
            apart = {
                called.get(name, name): min(w.alike.values())
                for name, w in starts.items()
                if w.alike
            }
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
    for stage, record in _records(plan, store):
        told = record.provenance
        seconds, share = told.wall_seconds, told.gpu_share
        hours = 0.0 if share else seconds * stage.recipe.cpu_threads / 3600
        memory, device = told.peak_memory_bytes, told.device
        yield _kind(stage), seconds, hours, share * seconds / 60, memory, device


def _records(plan: Plan, store: Store) -> Iterator[tuple[Stage, StageRecord]]:
    for stage in filter(store.is_done, plan):
        with suppress(StoreError):  # what a stage took is no reason to withhold a report
            yield stage, store.record(stage)


def _shown(value: Any) -> Any:
    """Ids and documents are whatever the corpora have."""
    return visible(value) if isinstance(value, str) else value


def _kind(stage: Stage) -> str:
    n = len(stage.tasks)
    return f"{stage.kind}, {counted(n, 'task')}" if n else str(stage.kind)
