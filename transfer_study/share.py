"""A report to pass on: page, tables and figures without what belongs to the data or a machine.

Everything is written aside from numbers and names of tasks, and only files that a reader needs are
handed over. What is not known to be harmless is left behind: ids and documents of examples, paths,
the study's file and what was changed of it.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePath

from transfer_study.errors import StoreError
from transfer_study.files import check_writable, writing
from transfer_study.outcome import Outcome
from transfer_study.session.places import Places
from transfer_study.session.report import ReportRequest, outcome_of
from transfer_study.session.stored import answer_source, failed_stages, lost_stages
from transfer_study.store.open_store import open_store
from transfer_study.store.recorded import is_recorded_otherwise
from transfer_study.study.encoder import Encoder
from transfer_study.study.plan import Plan
from transfer_study.study.recipes.pretraining import SUFFIX
from transfer_study.study.system import System

FIGURES = "figures"
_HANDED_OVER = {".html", ".md", ".csv", ".tex", ".svg", ".png", ".pdf", ".graphml", ".json"}


def share_report(
    plan_: Plan,
    places: Places,
    folder: Path,
    asked: ReportRequest,
) -> Outcome:
    """Write the report of what is stored into a folder for others; the study's results stay.

    Raises StoreError for a folder that holds anything else than an earlier such report.
    """
    from transfer_study.analysis.effects.tables import Ran
    from transfer_study.report.beside import Beside, costs, made, other_attempts
    from transfer_study.report.results import EPOCHS_FILE, Folders, epoch_scores, write_judged
    from transfer_study.report.traits import traits_of

    judged = asked.of(plan_)
    own, store = places.results / plan_.study.name, open_store(places.store)
    failed, source = failed_stages(plan_, store), answer_source(plan_, places)
    lost = len(lost_stages(plan_, places))
    known = Beside(
        None,
        costs(plan_, store),
        options=" ".join(asked.options),
        lost=(f"Of the stages, {lost} were run and are in the store no more",) if lost else (),
        apart=other_attempts(plan_, store),
        made=made(plan_, store),
        traits=traits_of(judged, own),
        predict=asked.predict,
    )
    alike = not is_recorded_otherwise(plan_.study, own)
    check_writable(folder, "share")
    plan_ = _by_plain_names(judged)
    epochs = epoch_scores(plan_, source, own / EPOCHS_FILE)
    with tempfile.TemporaryDirectory() as aside:
        made_in = Path(aside)
        beside = known.without_examples(own).kept_in(made_in, own, alike=alike)
        ran, folders = Ran(plan_, source, failed), Folders(made_in, made_in / FIGURES)
        written = write_judged(ran, folders, asked.shown, beside, epochs)
        with writing(folder):
            _hand_over(made_in, folder)
    outcome = outcome_of(plan_, written, asked, source, failed, beside.costs)
    paths = [str(folder / path.relative_to(made_in)) for path in written.figures]
    page = folder / "report.html"
    unwritten = tuple(said.replace(aside, str(folder)) for said in written.unwritten)
    report = str(page) if page.is_file() else None
    return replace(outcome, figures=paths, report=report, unwritten=unwritten)


def _hand_over(made_in: Path, folder: Path) -> None:
    """Copy what a reader needs; nothing where the folder holds what is none of it."""
    every = (path.relative_to(made_in) for path in made_in.rglob("*") if path.is_file())
    files = sorted(path for path in every if path.suffix in _HANDED_OVER)
    there = (
        sorted(path for path in folder.rglob("*") if not path.is_dir()) if folder.exists() else []
    )
    others = [path for path in there if path.relative_to(folder) not in files]
    if others:
        raise StoreError(
            f"--share: found {others[0]} in {folder}, which is no part of this report; give a new "
            "folder, or an empty one"
        )
    for path in files:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(made_in / path, folder / path)


def _by_plain_names(plan_: Plan) -> Plan:
    """The plan with encoders by what they are called, where the study names them by a path."""
    plain = _plain_names(plan_.study.encoders)

    def renamed(system: System) -> System:
        base = system.encoder.removesuffix(SUFFIX)
        return replace(
            system,
            encoder=plain.get(base, base) + system.encoder.removeprefix(base),
            baseline=None if system.baseline is None else renamed(system.baseline),
            controls=tuple(map(renamed, system.controls)),
        )

    encoders = tuple(e.model_copy(update={"name": plain[e.name]}) for e in plan_.study.encoders)
    study = plan_.study.model_copy(update={"encoders": encoders})
    return replace(plan_, study=study, systems=tuple(map(renamed, plan_.systems)))


def _plain_names(encoders: Sequence[Encoder]) -> dict[str, str]:
    """What stands for the name of each encoder, no two alike."""
    from transfer_study.report.sentences.words import short_encoder

    plain: dict[str, str] = {}
    for encoder in encoders:
        name = encoder.name
        of_folder = PurePath(encoder.source).is_absolute()
        short = base = PurePath(name).name if of_folder else short_encoder(name)
        number = 2
        while short in plain.values():
            short, number = f"{base}-{number}", number + 1
        plain[name] = short
    return plain
