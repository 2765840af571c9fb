"""A study from its file to its figures, for notebooks and scripts.

import transfer_study
outcome = transfer_study.run("experiments/demo.yaml")
"""

from __future__ import annotations

import shlex
import warnings
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from transfer_study.errors import StudyError
from transfer_study.execute.executor import ExecutorKind, executor_named
from transfer_study.execute.progress import Progress
from transfer_study.execute.resources import Resources
from transfer_study.execute.tracking import Tracker
from transfer_study.outcome import Outcome
from transfer_study.session.live_report import with_live_report
from transfer_study.session.places import Places
from transfer_study.session.plans import begin, survey
from transfer_study.session.plans import make_plan as _make_plan
from transfer_study.session.preview import preview_of
from transfer_study.session.report import ReportRequest, as_named, write_report
from transfer_study.session.run import Session, check_places, check_unchanged, execute, told_to
from transfer_study.store.open_store import open_store
from transfer_study.study.file.study_file import read_study
from transfer_study.study.plan import Plan
from transfer_study.study.preview import share_of
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
    fidelity: float | None = None,
    data: Path | str | None = None,
    places: Places | None = None,
    executor: ExecutorKind = "ray",
    resources: Resources | None = None,
    log_to: Sequence[Tracker] = (),
    progress: Progress | bool = True,
    changed: bool = False,
) -> Outcome:
    """Run what is missing of a study, write its tables and figures, and return what it shows.

    `settings` and `data` are those of `read_study`; with a `fidelity` such as 0.1 a preview is run
    at that share of the study's work. `log_to` are trackers that Ray tells of stages. `progress` is
    whether to show it on stderr, or what is to be told of it. Raises StudyError for a study that
    cannot be run, and for one that would leave behind what was run of it unless it is known to be
    `changed`; failed stages are in the outcome, and outputs that could not be written are warned
    of.
    """
    runner = executor_named(executor, resources or Resources(), tuple(log_to))
    checked, places, rows = _read(study, settings, data), places or Places(), None
    if fidelity is not None:
        from transfer_study.data.fingerprints import read_tasks

        share, rows = share_of(str(fidelity)), read_tasks(checked)
        checked = preview_of(checked, share, rows)
    planned, leaks = survey(checked, rows)
    check_places(planned, places)
    if not changed:
        check_unchanged(planned, places)
    plan_, store = begin(planned, places), open_store(places.store)
    named = as_named(None if isinstance(study, Study) else study, settings, fidelity)
    watch = (
        partial(open_progress, store=store, quiet=not progress, verbose=False, named=named)
        if isinstance(progress, bool)
        else told_to(progress)
    )
    execute(plan_, Session(places, runner, with_live_report(watch, places, named, leaks)))
    outcome = write_report(plan_, places, ReportRequest(study=named), leaks)
    for sentence in outcome.unwritten:
        warnings.warn(sentence, stacklevel=2)
    return outcome


def judge_scores(
    table: Path | str,
    *,
    name: str | None = None,
    arm: str | None = None,
    percent: bool = False,
    margin: float = 0.01,
    places: Places | None = None,
) -> Outcome:
    """Judge a table of scores as `transfer-study judge` does, and return what it shows.

    `name` is what its results are called, else as the file; `arm` is how a target was trained with
    one source. Raises StudyError for a table that cannot be judged.
    """
    from transfer_study.analysis.effects.judgement import Judgement
    from transfer_study.judge.judged import JudgedPlaces, JudgeRequest, judge_runs
    from transfer_study.judge.score_table import TableRequest, read_scores
    from transfer_study.judge.sources import name_of
    from transfer_study.study.margin import Margin

    at, file = places or Places(), Path(table)
    judged = JudgedPlaces.of(name or name_of([str(file)]), at.results, at.plots)
    given = read_scores(file, TableRequest(arm=arm, percent=percent))
    words = ["transfer-study", "judge", str(table), "--margin", f"{margin:g}"]
    words += ["--arm", arm] if arm else []
    words += ["--percent"] if percent else []
    words += ["--name", name] if name else []
    asked = JudgeRequest(Judgement(Margin(absolute=margin)), shlex.join(words))
    return judge_runs(given, asked, judged)


def _read(study: StudyOrFile, settings: Sequence[str], data: Path | str | None) -> Study:
    if not isinstance(study, Study):
        return read_study(study, settings, data)
    if settings or data is not None:
        raise StudyError(
            "`settings` and `data` are of a study file, and found with a Study; give the file, or "
            "read it with them by `read_study`"
        )
    return study
