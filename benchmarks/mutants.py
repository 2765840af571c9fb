"""Which of a sample of planted faults do the tests not notice?

    make mutants            # or: python benchmarks/mutants.py --minutes 20

Faults are those of cosmic-ray's operators, a few a room of the package drawn anew by `--seed`, each
planted in a copy of the repository. A mutant is killed by the tests that import its module, by
those of its room, or by those of the other rooms. Prints each that survives, and the share that
does with its 95% interval.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

from cosmic_ray.ast import ast_nodes, get_ast_from_path
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names
from scipy.stats import binomtest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("analysis", "study", "data")
# Types of annotations (`X | None`) are no code, and of an operator one wrong one is enough.
OPERATORS = [
    name
    for name in operator_names()
    if not re.search(r"BinaryOperator_Bit|_(RShift|LShift|Bit\w+|Pow|Is|IsNot|Mod|FloorDiv)$", name)
    and not get_operator(name).arguments()
]
LONGEST = 600  # seconds of tests; a mutant that hangs is noticed


@dataclass(frozen=True)
class Mutant:
    """A fault: the occurrence of an operator in a module, and what it turns the code into."""

    module: Path
    operator: str
    occurrence: int
    code: str

    def __str__(self) -> str:
        before = (ROOT / self.module).read_text("utf-8").splitlines()
        changed = difflib.unified_diff(before, self.code.splitlines(), lineterm="", n=0)
        lines = [line for line in changed if not line.startswith(("---", "+++", "@@"))]
        at = next(
            n
            for n, (a, b) in enumerate(zip(before, self.code.splitlines(), strict=False), start=1)
            if a != b
        )
        return "\n".join([f"{self.module}:{at} ({self.operator.removeprefix('core/')})", *lines])


def sample(count: int, pick: random.Random) -> Iterator[Mutant]:
    """So many mutants, the rooms in turns, that compile to something else."""
    modules = {room: sorted((ROOT / "transfer_study" / room).rglob("*.py")) for room in ROOMS}
    sizes = {room: [path.stat().st_size for path in paths] for room, paths in modules.items()}
    seen: set[str] = set()
    made = 0
    while made < count:
        room = ROOMS[made % len(ROOMS)]
        (path,) = pick.choices(modules[room], sizes[room])
        operator = get_operator(name := pick.choice(OPERATORS))()
        tree = get_ast_from_path(path)
        places = sum(len(list(operator.mutation_positions(node))) for node in ast_nodes(tree))
        if not places:
            continue
        occurrence = pick.randrange(places)
        source = path.read_text("utf-8")
        code = mutate_code(source, operator, occurrence)
        if code is None or code in seen or _alike(code, source):
            continue
        seen.add(code)
        made += 1
        yield Mutant(path.relative_to(ROOT), name, occurrence, code)


def _alike(code: str, source: str) -> bool:
    """Whether code is no other program: none at all, or the same but for annotations."""
    try:
        return ast.dump(_bare(code)) == ast.dump(_bare(source))
    except SyntaxError:
        return True


def _bare(code: str) -> ast.Module:
    tree = ast.parse(code)
    for node in ast.walk(tree):
        for name in ("annotation", "returns"):
            if getattr(node, name, None) is not None:
                setattr(node, name, ast.Constant(None))
    return tree


def tests_of(module: Path) -> list[str]:
    """The test files that import a module, then the folder of its room and of the others."""
    dotted = ".".join(module.with_suffix("").parts).removesuffix(".__init__")
    imports = re.compile(rf"\b{re.escape(dotted)}\b|from {re.escape(dotted.rpartition('.')[0])} ")
    files = [
        path
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        if path.parent.name in ROOMS and imports.search(path.read_text("utf-8"))
    ]
    rooms = sorted(ROOMS, key=lambda room: room != module.parts[1])
    return [*(str(p.relative_to(ROOT)) for p in files), *(f"tests/{room}" for room in rooms)]


def survives(mutant: Mutant, copy: Path) -> bool:
    """Whether the tests pass with the fault planted in a copy of the repository."""
    planted = copy / mutant.module
    before = planted.read_text("utf-8")
    planted.write_text(mutant.code, encoding="utf-8")
    try:
        command = [*(sys.executable, "-m", "pytest", "-n0", "-qx", "-m", "not slow"), "-p"]
        done = subprocess.run(
            [*command, "no:cacheprovider", *tests_of(mutant.module)],
            cwd=copy,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(copy), "OMP_NUM_THREADS": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=LONGEST,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    finally:
        planted.write_text(before, encoding="utf-8")
    return done.returncode == 0


def main() -> int:
    """Print the survivors and their share."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--mutants", type=int, default=300, help="at most so many")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    ends = time.monotonic() + 60 * options.minutes
    counts = {room: [0, 0] for room in ROOMS}
    copies: Queue[Path] = Queue()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(options.workers) as pool:
        for n in range(options.workers):
            copy = Path(folder) / str(n)
            ignored = shutil.ignore_patterns(".*", "results", "plots", "site", "__pycache__")
            shutil.copytree(ROOT, copy, ignore=ignored)
            copies.put(copy)

        def judge(mutant: Mutant) -> None:
            if time.monotonic() > ends:
                return
            copy = copies.get()
            alive = survives(mutant, copy)
            copies.put(copy)
            of_room = counts[mutant.module.parts[1]]
            of_room[0] += alive
            of_room[1] += 1
            if alive:
                print(f"survived: {mutant}\n", flush=True)

        list(pool.map(judge, sample(options.mutants, random.Random(options.seed))))
    for room, (alive, tried) in counts.items():
        print(f"{room}: {alive} of {tried} survived")
    alive, tried = (sum(column) for column in zip(*counts.values(), strict=True))
    interval = binomtest(alive, max(tried, 1)).proportion_ci(method="wilson")
    print(f"all: {alive} of {tried} survived, {interval.low:.0%} to {interval.high:.0%}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
