"""What a study judged at looks could show and will cost, by a pilot's noise and effects."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import chdtri, stdtrit

from transfer_study.analysis.doubt.courses import Courses, Noise, courses, smallest_by_looks
from transfer_study.analysis.doubt.noise import with_noise
from transfer_study.analysis.doubt.power import (
    POWER_COLUMNS,
    RANGE,
    TELLS,
    error_of,
    possible,
    power_table,
    strict_reaches,
)
from transfer_study.analysis.doubt.seed_counts import variance_at
from transfer_study.analysis.edges import Verdict, raw_edges
from transfer_study.analysis.effects.corrections import worst_level
from transfer_study.analysis.effects.sequential import Sequential
from transfer_study.analysis.effects.uncertainty import ALPHA
from transfer_study.data.streams import stream
from transfer_study.metrics.rows import Floats
from transfer_study.study.correction import Correction
from transfer_study.study.margin import Margin

LOOKED_COLUMNS = [*POWER_COLUMNS, "max_seeds", "detectable_first"]


def looked_power_table(
    planned: pd.DataFrame, pilot: pd.DataFrame, correction: Correction, counts: tuple[int, ...]
) -> pd.DataFrame:
    """The table of `power_table` for edges that are judged at looks with so many seeds.

    An effect is detected where one of the looks finds it, before its edge ends for want of a
    chance; `detectable_first` are those that the first look finds, at its own level, in so many
    studies. `n_seeds` is that of the first look, `max_seeds` of the last.
    """
    table, looks = with_noise(planned, pilot), Sequential(counts)
    freedom = table["pilot_seeds"] - 1 + table["lent"]
    low, high = (np.sqrt(freedom / chdtri(freedom, tail)) for tail in (RANGE, 1 - RANGE))
    likely = pd.Series(1.0, table.index).where(freedom >= TELLS, high)
    worst = table["family"].map(lambda edges: worst_level(correction, edges)).to_numpy()
    alone = np.full(len(table), ALPHA)

    def found(times: pd.Series[float], levels: Floats, *, strict: bool) -> Floats:
        known = table["pilot_seeds"].notna().to_numpy()
        noise = _noise(table[known], times[known], looks, levels[known], 0.0, strict=strict)
        effects = np.full(len(table), np.nan)
        effects[known] = smallest_by_looks(noise)
        return possible(effects, table["metric"])

    first = power_table(planned, pilot, Correction.NONE, looks.level(ALPHA, counts[0]))
    return table.assign(
        max_seeds=counts[-1],
        detectable=found(likely, alone, strict=False),
        detectable_low=found(low, alone, strict=False),
        detectable_high=found(high, alone, strict=False),
        detectable_corrected=found(likely, worst, strict=correction is not Correction.NONE),
        detectable_first=first["detectable"],
        pilot_seeds=table["pilot_seeds"].astype("Int64"),
    )[[*planned.columns.difference(LOOKED_COLUMNS, sort=False), *LOOKED_COLUMNS]]


def expected_courses(
    planned: pd.DataFrame,
    pilot: pd.DataFrame,
    correction: Correction,
    margin: Margin,
    counts: tuple[int, ...],
) -> Courses | None:
    """How the looks of planned edges may go; None where the pilot tells nothing of some of them.

    An edge of the pilot has the effect that was measured there, drawn towards zero; another, one
    that scatters as all of them do. What was not learned ends at the first look.
    """
    table, looks = with_noise(planned, pilot), Sequential(counts)
    raw = raw_edges(pilot)
    key = [name for name in planned if name in raw and name not in POWER_COLUMNS]
    seen = raw.drop_duplicates(key, keep=False)[[*key, "delta", "baseline", "verdict"]]
    of_target = raw.groupby("target")["baseline"].mean()
    of_edge = table.merge(seen, on=key, how="left")
    unlearned = (of_edge["verdict"] == Verdict.NOT_LEARNED).to_numpy()
    known = table["pilot_seeds"].notna().to_numpy() & ~unlearned
    if not (known | unlearned).all() or not known.any():
        return None
    error = raw["seed_sd"] ** 2 / raw["n_seeds"] + raw["example_error"] ** 2
    learned = raw["verdict"] != Verdict.NOT_LEARNED
    spread = max(float((raw["delta"] ** 2 - error)[learned].mean()), 0.0)
    own = (table["evidence"] == "own").to_numpy()
    of_pilot = table["paired_sd"] ** 2 / table["pilot_seeds"] + table["example_error"] ** 2
    weight = np.where(own, spread / np.maximum(spread + of_pilot, 1e-12), 0)
    mean = weight * of_edge["delta"].fillna(0).to_numpy()
    sd = np.sqrt(spread * (1 - weight))
    margins = of_edge["baseline"].fillna(table["target"].map(of_target)).map(margin.of)
    found, rng = None, stream("expected", len(table))
    truth = mean + sd * rng.standard_normal((1_000, len(table)))
    for _ in range(2):  # the level rises with what is found
        changed = 0.0 if found is None else float(found.changed.sum(axis=1).mean())
        levels = table["family"].map(
            lambda edges, n=changed: worst_level(correction, edges, decided=min(int(n), edges - 1))
        )
        strict = correction is not Correction.NONE
        of_known = table[known], pd.Series(1.0, table.index)[known], looks, levels[known].to_numpy()
        noise = _noise(*of_known, margins[known].to_numpy(), strict=strict)
        found = courses(truth[:, known], noise)
    assert found is not None
    every = Courses(np.zeros(truth.shape, dtype=bool), np.ones(truth.shape, dtype=np.int64))
    every.changed[:, known], every.looks[:, known] = found.changed, found.looks
    return every


def _noise(
    table: pd.DataFrame,
    times: pd.Series[float],
    looks: Sequential,
    levels: Floats,
    margins: Floats | float,
    *,
    strict: bool,
) -> Noise:
    """The noise at looks of edges whose deviations over seeds are so many times as large."""
    columns: list[tuple[Floats, Floats, Floats]] = []
    for count in looks.counts:
        of_baseline = np.maximum(table["n_baseline_seeds"], count)
        sds = table["paired_sd"] * times, table["score_sd"] * times
        of_seeds = variance_at(*sds, (1, 1), (count, of_baseline))
        seed_sd = np.sqrt(count * of_seeds)
        noise_of = seed_sd, table["example_error"], count, table["documents"], table["lent"]
        level = np.array([looks.level(float(one), count) for one in levels])
        if strict:
            reach = strict_reaches(*noise_of, level)
        else:
            error, freedom = error_of(*noise_of)
            reach = stdtrit(freedom, 1 - level / 2) * error
        columns.append((of_seeds, (count - 1 + table["lent"]).to_numpy(), reach))
    of_seeds, freedom, reach = (np.stack(found, axis=1) for found in zip(*columns, strict=True))
    examples = table["example_error"].to_numpy(dtype=np.float64)
    return Noise(of_seeds, freedom, reach, examples, np.broadcast_to(margins, examples.shape))
