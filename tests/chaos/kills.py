"""Real processes on a real disk that are killed, or stopped past their lease and woken.

Each sweep is a forked process that runs the toy learner by real clocks. It is killed at any moment,
alone, with others of its process group, or while another goes on; the next takes the store as it
is.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from unittest.mock import patch

from tests.chaos.cases import Row, undisturbed
from tests.chaos.fixture import made_plan
from tests.chaos.invariants import PARTS, Committed, check_stays, check_whole, table
from tests.chaos.world import Violation, World, learn, run, use
from transfer_study.execute import in_process, shared
from transfer_study.execute import run_stage as run_stage_module
from transfer_study.store.runs.leases import leasing
from transfer_study.store.store import Store

_BEAT, _PATIENCE, _LONGEST = 0.05, 0.5, 60.0


class _Real(World):
    def sleep(self, seconds: float) -> None:
        time.sleep(seconds / 1000)


@contextmanager
def _quick() -> Iterator[None]:
    """Within, leases are short, and stages are the toy learner's."""
    lease = partial(leasing, beat=_BEAT, patience=_PATIENCE)
    with (
        patch.object(run_stage_module, "_run", learn),
        patch.object(run_stage_module, "own_memory", nullcontext),
        patch.object(in_process, "leasing", lease),
        patch.object(shared, "_PAUSE", 0.02),
    ):
        yield


def _sweep(root: Path, seeds: int, group: int) -> int:
    """Start a sweep in a process group, 0 for one of its own; returns its number."""
    child = os.fork()
    if child:
        os.setpgid(child, group)
        return child
    code = 1
    try:
        world = use(_Real(random.Random(os.getpid()), is_disturbed=True))
        world.is_visible = lambda part, name: (root / part / name / PARTS[part]).exists()
        with _quick():
            run(made_plan(seeds), Store(root))
        code = 3 if world.failures else 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def committed_below(root: Path) -> Committed:
    """What a store on a real disk holds that is committed."""
    found: Committed = {}
    for part, record in PARTS.items():
        for folder in (root / part).iterdir() if (root / part).is_dir() else ():
            files = {
                path.relative_to(folder).as_posix(): path.read_bytes()
                for path in folder.rglob("*")
                if path.is_file()
            }
            found[part, folder.name] = files.pop(record, b""), files
    return found


def _end(sweeps: list[int]) -> None:
    """Wait until sweeps have ended well."""
    until = time.monotonic() + _LONGEST
    for sweep in sweeps:
        while True:
            ended, status = os.waitpid(sweep, os.WNOHANG)
            if ended:
                if status:
                    raise Violation(f"I7: a sweep ended with {status}")
                break
            if time.monotonic() > until:
                os.kill(sweep, signal.SIGKILL)
                os.waitpid(sweep, 0)
                raise Violation("I7: a sweep does not end")
            time.sleep(0.005)


def _kill(root: Path, seeds: int, rng: random.Random, how: str) -> None:
    sweeps = [_sweep(root, seeds, 0)]
    if how != "driver":
        sweeps.append(_sweep(root, seeds, sweeps[0] if how == "group" else 0))
    time.sleep(rng.uniform(0, 0.25))
    if how == "group":
        os.killpg(sweeps[0], signal.SIGKILL)
    else:
        os.kill(sweeps[0], signal.SIGKILL)
    os.waitpid(sweeps[0], 0)
    if how == "group":
        os.waitpid(sweeps[1], 0)
    elif how == "one of two":
        _end(sweeps[1:])


def kills(cycles: int = 150, seeds: int = 1, seed: int = 0, under: Path | None = None) -> Row:
    """So many are killed, on one store until it is complete, then on another."""
    expected = undisturbed(seeds)
    ways = ("driver", "driver", "group", "one of two")

    def cycle(row: Row, root: Path, rng: random.Random) -> None:
        how = ways[row.faults % len(ways)]
        before = committed_below(root)
        _kill(root, seeds, rng, how)
        row.faults += 1
        after = committed_below(root)
        check_whole(after)
        check_stays(before, after)

    return _cycles(
        Row("SIGKILL of a sweep, its group, one of two", str(seed)),
        cycles,
        cycle,
        expected,
        seeds,
        under,
    )


def stops(cycles: int = 20, seeds: int = 1, seed: int = 0, under: Path | None = None) -> Row:
    """One of two sweeps is stopped for longer than a lease lasts, and woken: both end well."""
    expected = undisturbed(seeds)

    def cycle(row: Row, root: Path, rng: random.Random) -> None:
        shutil.rmtree(root, ignore_errors=True)
        sweeps = [_sweep(root, seeds, 0) for _ in range(2)]
        time.sleep(rng.uniform(0.02, 0.15))
        os.kill(sweeps[0], signal.SIGSTOP)
        time.sleep(2 * _PATIENCE)
        before = committed_below(root)
        os.kill(sweeps[0], signal.SIGCONT)
        row.faults += 1
        _end(sweeps)
        check_stays(before, committed_below(root))

    return _cycles(
        Row("SIGSTOP past the lease, then SIGCONT", str(seed)),
        cycles,
        cycle,
        expected,
        seeds,
        under,
    )


def _cycles(
    row: Row,
    cycles: int,
    cycle: Callable[[Row, Path, random.Random], None],
    expected: dict[tuple[str, str], bytes],
    seeds: int,
    under: Path | None,
) -> Row:
    began, rng = time.perf_counter(), random.Random(int(row.seed))
    with tempfile.TemporaryDirectory(dir=under) as folder:
        store = 0
        for n in range(cycles):
            root = Path(folder) / str(store)
            with row.watched(f"cycle {n}"):
                cycle(row, root, rng)
                done = {name for part, name in committed_below(root) if part == "stages"}
                if len(done) == len(made_plan(seeds)) or n == cycles - 1:
                    _end([_sweep(root, seeds, 0)])
                    _check_end(root, expected)
                    row.resumed += 1
                    store += 1
    row.seconds = time.perf_counter() - began
    return row


def _check_end(root: Path, expected: dict[tuple[str, str], bytes]) -> None:
    committed = committed_below(root)
    check_whole(committed)
    if table(committed) != expected:
        raise Violation("I5: what comes out is not what an undisturbed run gives")
    everything = {path: path.is_file() and path.read_bytes() for path in root.rglob("*")}
    _end([_sweep(root, 1, 0)])
    if {path: path.is_file() and path.read_bytes() for path in root.rglob("*")} != everything:
        raise Violation("I8: a second resumption changes what is there")


ALL: tuple[Callable[[], Row], ...] = (kills, stops)
