"""A study from its file to its figures, for notebooks and scripts.

import transfer_study
outcome = transfer_study.run("experiments/demo.yaml")
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from transfer_study.errors import StudyError
from transfer_study.execute.executor import ExecutorName, executor_named
from transfer_study.execute.progress import Progress
from transfer_study.execute.resources import Resources
from transfer_study.outcome import Outcome
from transfer_study.session import (
    Places,
    as_named,
    begin,
    check_places,
    execute,
    stage_cost,
    survey,
    write_report,
)
from transfer_study.session import make_plan as _make_plan
from transfer_study.store.store import Store
from transfer_study.study.file.study_file import read_study
from transfer_study.study.plan import Plan
from transfer_study.study.study import Study
from transfer_study.terminal.progress import open_progress

StudyOrFile = Study | Path | str


def make_plan(
    study: StudyOrFile, *, settings: Sequence[str] = (), data: Path | str | None = None
) -> Plan:
    """Read a study, its data and encoders, and plan its stages; raises StudyError for faults."""
    return _make_plan(_read(study, settings, data))


def run(
    study: StudyOrFile,
    *,
    settings: Sequence[str] = (),
    data: Path | str | None = None,
    places: Places | None = None,
    executor: ExecutorName = "ray",
    resources: Resources | None = None,
    progress: Progress | bool = True,
) -> Outcome:
    """Run what is missing of a study, write its tables and figures, and return what it shows.

    `settings` and `data` are those of `read_study`. `progress` is whether to show it on stderr, or
    what is to be told of it. Raises StudyError for a study that cannot be run; failed stages are
    in the outcome, and outputs that could not be written are warned of.
    """
    checked = _read(study, settings, data)
    places = places or Places()
    planned, leaks = survey(checked)
    check_places(planned, places)
    plan_, store = begin(planned, places), Store(places.store)
    view: AbstractContextManager[Progress]
    if isinstance(progress, bool):
        cost = stage_cost(plan_, store)
        named = as_named(None if isinstance(study, Study) else study, settings)
        view = open_progress(plan_, store, cost, quiet=not progress, verbose=False, named=named)
    else:
        view = nullcontext(progress)
    with view as told:
        execute(plan_, places, executor_named(executor, resources or Resources()), told)
    file = None if isinstance(study, Study) else study
    outcome = write_report(plan_, places, leaks=leaks, file=file, settings=settings)
    for sentence in outcome.unwritten:
        warnings.warn(sentence, stacklevel=2)
    return outcome


def _read(study: StudyOrFile, settings: Sequence[str], data: Path | str | None) -> Study:
    if not isinstance(study, Study):
        return read_study(study, settings, data)
    if settings or data is not None:
        raise StudyError(
            "`settings` and `data` are of a study file, and found with a Study; give the file, or "
            "read it with them by `read_study`"
        )
    return study
