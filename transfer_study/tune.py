"""From a study to a recipe by which its tasks learn: planned, searched on dev, drawn, written.

Nothing of it is a result: no stage of the study is run, no test example predicted, and what was
tried stays in a folder of the store by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from transfer_study.analysis.advice.tried import Comparison, compare_recipes
from transfer_study.data.encoders.limits import check_layers, check_length, layer_count
from transfer_study.data.splits import load_planned_once
from transfer_study.errors import EncoderError, ExecutionError, NothingRun, StudyError
from transfer_study.execute.cluster.search import Watching, search
from transfer_study.execute.resources import Resources
from transfer_study.files import check_writable
from transfer_study.metrics.constant import best_constant
from transfer_study.session.places import Places
from transfer_study.session.plans import make_plan, with_answered
from transfer_study.store.open_store import check_store, open_store
from transfer_study.store.store import Store
from transfer_study.store.trials import Trial
from transfer_study.study.file.study_file import read_study
from transfer_study.study.file.write_recipe import recipe_written, value_text, write_study
from transfer_study.study.plan import Plan, plan
from transfer_study.study.search import (
    RecipeSearch,
    Section,
    Target,
    Values,
    asked_space,
    extremes,
    own_values,
    seconds_of,
    section_of,
    targets,
    tuning_seeds,
    usual_space,
    with_values,
)
from transfer_study.study.study import Study


@dataclass(frozen=True)
class Tuning:
    """A search as planned: of which recipe of which study, and with which seeds."""

    file: Path
    plan: Plan
    section: Section
    search: RecipeSearch
    constants: tuple[float, ...]  # the best constant answer's dev score, by target
    seeds: tuple[int, ...]

    @property
    def study(self) -> Study:
        """The study whose recipe is searched."""
        return self.plan.study

    @property
    def most_trials(self) -> int:
        """At most so many: every recipe on every target with every seed."""
        return self.search.recipes * len(self.search.targets) * len(self.seeds)


@dataclass(frozen=True)
class Tuned:
    """What a search found."""

    trials: tuple[Trial, ...]
    comparison: Comparison

    def not_learned(self, recipe: int) -> list[int]:
        """The targets that a recipe does not bring above a constant answer."""
        (one,) = (one for one in self.comparison.tried if one.recipe == recipe)
        pairs = enumerate(one.scores)
        return [target for target, score in pairs if not self.comparison.learns(target, score)]


@dataclass(frozen=True)
class TuningRequest:
    """What a search is asked for, as the options of `tune` say it.

    Unless it is `dry_run`, the file is to be written in the end.
    """

    section: Section | None = None
    recipes: int = 16
    budget: str = "30m"
    n_seeds: int = 1
    tried: Sequence[str] = ()
    dry_run: bool = False


def plan_tuning(
    file: Path, settings: Sequence[str], data: Path | None, places: Places, asked: TuningRequest
) -> Tuning:
    """Plan a search; raises StudyError for what cannot be searched, and for what cannot be kept.

    What is to be written in the end must be possible before anything is tried.
    """
    seconds = seconds_of(asked.budget)
    study = read_study(file, settings, data)
    section = section_of(study, asked.section)
    tried = asked_space(file, section, asked.tried)
    whole = with_answered(make_plan(study), places)
    space = {**usual_space(study, section, _layers(study)), **tried}
    own = own_values(study, section, list(space))
    if not asked.dry_run:
        recipe_written(file, section, own)
    for extreme in extremes(study, section, space):
        for encoder in study.resolved_encoders:
            check_length(encoder, getattr(extreme, section).max_length)
            check_layers(encoder, getattr(extreme, section))
    check_store(places.store)
    check_writable(places.plots / study.name, "plots")
    seeds = tuning_seeds(study, asked.n_seeds)
    found = targets(study, whole.fingerprints, section, seeds)
    _check_starts(found, open_store(places.store))
    planned = RecipeSearch(found, own, space, asked.recipes, seconds)
    return Tuning(file, whole, section, planned, tuple(map(_constant, found)), seeds)


def _layers(study: Study) -> int:
    """How many layers all encoders have; 0 where that cannot be told, so that none is frozen."""
    try:
        return min(map(layer_count, study.resolved_encoders))
    except EncoderError:
        return 0


def _check_starts(found: Sequence[Target], store: Store) -> None:
    for stage in (stage for target in found for stage in target.stages):
        for parent in stage.starts:
            if not store.has_model(parent):
                raise StudyError(
                    "the study pretrains its encoder, and recipes are tried on the pretrained one, "
                    f"which {store.root} does not hold; run the study once, with one seed say "
                    "(`transfer-study run STUDY --set seeds=1`), or leave `pretrain` out"
                )


def _constant(target: Target) -> float:
    (member,) = target.stages[0].tasks
    task = member.task.model_copy(update={"metric": member.task.selection_metric})
    dev = load_planned_once(member).dev
    return best_constant(task, [e.label for e in dev], [e.document for e in dev])


def carry_out(tuning: Tuning, places: Places, resources: Resources, watching: Watching) -> Tuned:
    """Try the recipes and compare them.

    Raises NothingRun where the budget was enough for none, ExecutionError where all trials failed.
    """
    trials = search(tuning.search, open_store(places.store), resources, watching)
    if trials and all(trial.state == "failed" and not trial.dev for trial in trials):
        raise ExecutionError(
            f"every trial failed, the first with {trials[0].message}; mend that and give the "
            "command again"
        )
    last = getattr(tuning.study, tuning.section).selection == "last"
    found = Tuned(
        tuple(trials),
        compare_recipes(trials, tuning.constants, len(tuning.seeds), last=last),
    )
    if found.comparison.chosen is None:
        raise NothingRun(
            f"no recipe was tried on all tasks within the budget ({sum(t.ended for t in trials)} "
            "trials ended, which are kept); give more, such as --budget 1h, or fewer examples "
            "(`--set limits.max_train=1000`)"
        )
    return found


def draw(tuning: Tuning, found: Tuned, places: Places) -> list[Path]:
    """Draw the dev scores of all trials by epoch as `tune` among the study's plots."""
    import pandas as pd

    from transfer_study.figures.curves import draw_curves
    from transfer_study.figures.save import save

    rows = [
        (tuning.search.targets[trial.target].name, trial.recipe, trial.seed, epoch, dev)
        for trial in found.trials
        for epoch, dev in enumerate(trial.dev, start=1)
    ]
    curves = pd.DataFrame(rows, columns=["target", "recipe", "seed", "epoch", "dev"])
    about = pd.DataFrame(
        {
            "target": [target.name for target in tuning.search.targets],
            "metric": [t.stages[0].tasks[0].task.selection_metric for t in tuning.search.targets],
            "constant": tuning.constants,
        }
    )
    chosen = found.comparison.chosen
    assert chosen is not None
    values = ", ".join(f"{key} {value_text(value)}" for key, value in chosen.values.items())
    figure = draw_curves(
        curves,
        about,
        chosen.recipe,
        title=f"{tuning.study.name}: recipes tried",
        caption=f"Recipe {chosen.recipe}: {values}. Each task alone, on dev alone; a line a seed, "
        f"of {len(tuning.seeds)} that the study does not use.",
    )
    return save(figure, places.plots / tuning.study.name / "tune")


@dataclass(frozen=True)
class WrittenBest:
    """What became of the study file: its text before and after, and of the study's stages.

    The best recipe `learns` some task; by one that learns none nothing is changed. `behind` are the
    finished stages that the study would have no more, `dry` says that the file stays as it is.
    """

    before: str
    after: str
    learns: bool
    behind: int
    dry: bool


def write_best(tuning: Tuning, found: Tuned, places: Places, *, dry_run: bool) -> WrittenBest:
    """Write the best recipe into the study file, where it is another than the study's own.

    Raises InvalidStudy where the file cannot be written so, or was changed meanwhile.
    """
    chosen = found.comparison.chosen
    assert chosen is not None
    new = {key: value for key, value in chosen.values.items() if value != tuning.search.own[key]}
    if not chosen.learned:
        new = {}
    before, after = recipe_written(tuning.file, tuning.section, new)
    if before != after and not dry_run:
        write_study(tuning.file, before, after)
    return WrittenBest(
        before, after, chosen.learned > 0, _left_behind(tuning, new, places), dry_run
    )


def _left_behind(tuning: Tuning, values: Values, places: Places) -> int:
    """How many finished stages of the study it would have no more by a recipe with these values."""
    changed = plan(with_values(tuning.study, tuning.section, values), tuning.plan.fingerprints)
    store, kept = open_store(places.store), {stage.id for stage in changed}
    done = (s.id for s in tuning.plan if store.is_done(s) or s.id in tuning.plan.answered)
    return sum(identity not in kept for identity in done)
