"""`make chaos`: every fault at full count, as a table; `--short` does a few of each.

The rows run side by side, one a process. Exits with 1 where anything was violated or a planted bug
was not noticed.
"""

from __future__ import annotations

import argparse
import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from tests.chaos import crashes, damage, errors, fields, kills, planted, power, requests, sweeps
from tests.chaos.cases import Row
from tests.chaos.planted import Case

SHM = Path("/dev/shm")  # where there are many small stores on a real disk
UNDER = SHM if os.access(SHM, os.W_OK) else None

FULL: tuple[Case, ...] = (
    crashes.local,
    requests.each,
    partial(sweeps.sweeps, seeds=0),
    partial(kills.kills, under=UNDER),
    partial(kills.stops, under=UNDER),
    partial(power.power, every=100, seeds=1),
    partial(sweeps.clocks, seeds=0),
    requests.mixed,
    partial(errors.errors, every=7),
    crashes.bucket,
    partial(sweeps.sweeps, 50, 9000),
    damage.at_rest,
    damage.states,
    damage.objects,
    damage.other_code,
    fields.fields,
)
SHORT: tuple[Case, ...] = (
    partial(crashes.local, every=7, seeds=0),
    partial(crashes.bucket, every=3, seeds=0),
    partial(power.power, every=200, seeds=0),
    partial(errors.errors, every=9, seeds=0),
    partial(requests.each, every=9),
    partial(requests.mixed, 10),
    partial(sweeps.sweeps, 24, seeds=0),
    partial(sweeps.clocks, 8, seeds=0),
    partial(kills.kills, 10, under=UNDER),
    partial(kills.stops, 1, under=UNDER),
    partial(damage.at_rest, 0),
    damage.states,
    damage.objects,
    damage.other_code,
    fields.fields,
)
_LEGEND = """\
injected: faults, or states of the store after one. resumed: runs to completion after them, each
checked and run once more. lost: toy steps trained twice (6 a stage, a state kept every 3).
repeated: stages begun again. Seconds are those of two cores that had much else to do."""
_HEAD = ("fault", "seeds", "injected", "resumed", "violations", "lost", "repeated", "seconds")
_FORM = "{:62} {:>9} {:>8} {:>8} {:>10} {:>6} {:>8} {:>8}"


def line(row: Row) -> str:
    """A row of the table."""
    counts = row.faults, row.resumed, len(row.violations), row.lost, row.repeated
    return _FORM.format(row.case, row.seed, *counts, f"{row.seconds:.0f}")


def run_case(case: Case) -> Row:
    return case()


def find_planted(n: int) -> str | None:
    return planted.found(planted.PLANTS[n])


def main() -> int:
    """Print the table, then what found each planted bug."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="a few of each fault")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="so many at a time")
    parser.add_argument("--planted", action="store_true", help="the planted bugs alone")
    given = parser.parse_args()
    bad = 0
    print(_FORM.format(*_HEAD), flush=True)
    with ProcessPoolExecutor(given.jobs, mp_context=get_context("spawn")) as pool:
        rows = []
        cases = () if given.planted else SHORT if given.short else FULL
        for done in as_completed([pool.submit(run_case, case) for case in cases]):
            rows.append(row := done.result())
            print(line(row), flush=True)
            for violation in row.violations[:5]:
                print(f"    {violation}")
        total = Row("all")
        for name in ("faults", "resumed", "lost", "repeated", "violations", "seconds"):
            setattr(total, name, sum((getattr(row, name) for row in rows), getattr(total, name)))
        bad += len(total.violations)
        print(line(total), "", "planted bug, and what found it", sep="\n")
        for plant, found in zip(
            planted.PLANTS, pool.map(find_planted, range(len(planted.PLANTS))), strict=True
        ):
            bad += found is None
            print(f"{plant.bug:55} {(found or 'NOT FOUND')[:110]}", flush=True)
    print(f"\n{_LEGEND}")
    return 1 if bad else 0
