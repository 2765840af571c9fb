"""What is heard of trials becomes what is known of recipes; each ends among those of its task."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from transfer_study.execute.cluster.search import _Trials
from transfer_study.execute.cluster.trial_job import Run, SearchJob, TrialEvent
from transfer_study.execute.resources import Resources
from transfer_study.session.plans import make_plan
from transfer_study.store.store import Store
from transfer_study.store.trials import Trial, read_trial
from transfer_study.study.file.study_file import read_study
from transfer_study.study.search import Target, targets

VALUES = {"epochs": 3, "batch_size": 4}


class Watched:
    """Keeps the order of what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int, int]] = []

    def began(self, trial: Trial) -> None:
        self.told.append(("began", trial.recipe, trial.target))

    def epoch(self, trial: Trial) -> None:
        self.told.append(("epoch", trial.recipe, len(trial.dev)))

    def ended(self, trial: Trial) -> None:
        self.told.append((trial.state, trial.recipe, trial.target))


@pytest.fixture
def found(small_study: Path) -> tuple[Target, ...]:
    study = read_study(small_study)
    return targets(study, make_plan(study).fingerprints, "refine", (9,))


def trials_of(found: tuple[Target, ...], store: Store, watched: Watched) -> _Trials:
    runs = [(n, stage) for n, target in enumerate(found) for stage in target.stages]
    return _Trials(found, runs, store, watched)


def begin(trial: str, run: int = 0, **changes: object) -> TrialEvent:
    return TrialEvent(is_="began", trial=trial, run=run, values={**VALUES, **changes})


def epoch(trial: str, number: int, dev: float = 0.5) -> TrialEvent:
    return TrialEvent(is_="epoch", trial=trial, epoch=number, dev=dev)


def hear(known: _Trials, *events: TrialEvent) -> None:
    for event in events:
        known.hear(event)


def test_trials_end_complete_stopped_failed_or_cut(
    found: tuple[Target, ...], tmp_path: Path
) -> None:
    store, watched = Store(tmp_path / "store"), Watched()
    known = trials_of(found, store, watched)
    hear(known, begin("a"), begin("b", 1), begin("c", 2), begin("d", batch_size=8))
    hear(known, *(epoch(name, 1) for name in "abc"), epoch("a", 2), epoch("a", 3, 0.7))
    hear(known, epoch("a", 3, 0.7))  # told again as its function returns
    hear(known, TrialEvent(is_="ended", trial="a"), TrialEvent(is_="ended", trial="b"))
    hear(known, TrialEvent(is_="failed", trial="c", message="the loss is nan"))
    known.cut()
    states = [(t.recipe, t.target, t.state, t.dev) for t in known.trials]
    assert states == [
        (1, 0, "complete", [0.5, 0.5, 0.7]),
        (1, 1, "stopped", [0.5]),
        (1, 2, "failed", [0.5]),
        (2, 0, "cut", []),
    ]
    assert known.trials[2].message == "the loss is nan"
    assert [trial.ended for trial in known.trials] == [True, True, True, False]
    assert [told for told in watched.told if told[0] == "stopped"] == [("stopped", 1, 1)]
    # What says something of a recipe for good is recorded; an error may have been of the machine.
    stages = [target.tried(target.stages[0], VALUES) for target in found]
    records = [read_trial(store, stage) for stage in stages]
    assert [record and record.dev for record in records] == [(0.5, 0.5, 0.7), (0.5,), None]


def test_a_trial_that_its_patience_ended_is_complete(small_study: Path, tmp_path: Path) -> None:
    study = read_study(small_study, ["refine.epochs=9", "refine.patience=2"])
    patient = targets(study, make_plan(study).fingerprints, "refine", (9,))
    known = trials_of(patient, Store(tmp_path / "store"), Watched())
    hear(known, begin("a", epochs=9), begin("b", 1, epochs=9))
    hear(known, *(epoch("a", n, dev) for n, dev in ((1, 0.2), (2, 0.5), (3, 0.5), (4, 0.4))))
    hear(known, *(epoch("b", n, dev) for n, dev in ((1, 0.2), (2, 0.5), (3, 0.4))))
    hear(known, *(TrialEvent(is_="ended", trial=name) for name in "ab"))
    assert [trial.state for trial in known.trials] == ["complete", "stopped"]


def test_a_recipe_that_is_drawn_again_counts_once(
    found: tuple[Target, ...], tmp_path: Path
) -> None:
    watched = Watched()
    known = trials_of(found, Store(tmp_path / "store"), watched)
    hear(known, begin("a"), begin("b"), epoch("b", 1), epoch("a", 1, 0.1))
    hear(known, TrialEvent(is_="ended", trial="b"))
    assert [(trial.recipe, trial.dev) for trial in known.trials] == [(1, [0.1])]
    assert watched.told == [("began", 1, 0), ("epoch", 1, 1)]


def test_a_recorded_trial_has_all_its_scores_wherever_it_is_ended_this_time(
    found: tuple[Target, ...], tmp_path: Path
) -> None:
    store = Store(tmp_path / "store")
    first, again = (trials_of(found, store, Watched()) for _ in range(2))
    ended = TrialEvent(is_="ended", trial="a")
    hear(first, begin("a"), *(epoch("a", n, n / 10) for n in (1, 2, 3)), ended)
    hear(again, begin("a"), epoch("a", 1, 0.1), ended)
    (trial,) = again.trials
    assert (trial.state, trial.dev, trial.known) == ("complete", [0.1, 0.2, 0.3], True)


@pytest.mark.parametrize("content", ["", "{}", '{"stage":"x","dev":[1.0],"seconds":1.0}', "[" * 9])
def test_a_damaged_record_is_none(found: tuple[Target, ...], tmp_path: Path, content: str) -> None:
    store = Store(tmp_path / "store")
    stage = found[0].stages[0]
    (store.root / "trials").mkdir(parents=True)
    (store.root / "trials" / f"{stage.id}.json").write_text(content, encoding="utf-8")
    assert read_trial(store, stage) is None


# Ray has the process of which it is a part to itself: settings, handlers, warnings.
CODE = """\
import sys
from types import SimpleNamespace
from transfer_study.execute.cluster import trial_driver
from transfer_study.execute.cluster.trial_job import SearchJob
from ray import cloudpickle
from ray.tune.search.variant_generator import generate_variants

placed = SimpleNamespace(failed={}, knows=lambda trial: True)
scheduler = trial_driver._HalvingByTarget(SearchJob.model_validate_json(sys.argv[1]), placed)
count = 0

def decided(run, part, dev):
    global count
    count += 1
    trial = SimpleNamespace(trial_id=str(count), config={"_run": run, "epochs": 8})
    scheduler.on_trial_add(None, trial)
    result = {"epoch": part, "part": part, "dev": dev}
    return scheduler.on_trial_result(None, trial, result)

# Of the first task, with two seeds; no score of the other matters.
assert [decided(0, 2, dev) for dev in (0.8, 0.9)] == ["CONTINUE", "CONTINUE"]
assert decided(1, 2, 0.7) == "STOP"
assert decided(1, 1, 0.0) == "CONTINUE"  # too early to say
assert decided(0, 2, 0.85) == "CONTINUE"
assert [decided(2, 2, dev) for dev in (0.1, 0.0, 0.0)] == ["CONTINUE", "STOP", "STOP"]
# What has not begun to learn in any trial is given its time.
assert [decided(3, 4, 0.0) for _ in range(4)] == ["CONTINUE"] * 4
assert cloudpickle.loads(cloudpickle.dumps(scheduler)) == "_HalvingByTarget"
space = trial_driver._space(SearchJob.model_validate_json(sys.argv[1]))
# All runs of a recipe one after another, the study's own first.
drawn = [spec["config"] for _, spec in generate_variants({"config": space}, True)]
assert [(one["epochs"], one["_run"]) for one in drawn] == [(e, r) for e in (8, 4) for r in range(4)]
"""


def test_the_worse_half_of_a_task_s_trials_ends(tmp_path: Path) -> None:
    runs = [Run(target=n, stage="", fixed=(), cpus=1) for n in (0, 0, 1, 2)]
    job = SearchJob(
        store=str(tmp_path),
        resources=Resources(),
        runs=tuple(runs),
        own={"epochs": 8},
        space={"epochs": (4, 8)},
        recipes=2,
        whole=True,
        until=0.0,
    )
    done = subprocess.run(
        [sys.executable, "-c", CODE, job.model_dump_json()],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
