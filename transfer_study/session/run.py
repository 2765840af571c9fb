"""The missing stages of a plan, run by an executor while somebody watches."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from transfer_study.errors import StoreError, StudyError
from transfer_study.execute.cost import stage_cost
from transfer_study.execute.disk import forecast
from transfer_study.execute.executor import Executor, Todo
from transfer_study.execute.progress import Logged, Progress, Several, Silent
from transfer_study.execute.suspend import USUAL_MINUTES
from transfer_study.files import size_text
from transfer_study.points import counted
from transfer_study.session.places import Places
from transfer_study.session.plans import as_begun
from transfer_study.session.stored import missing
from transfer_study.store.changed import left_behind
from transfer_study.store.open_store import open_store
from transfer_study.store.runs.held import hold
from transfer_study.study.plan import Plan

_MOST_SAID = 4
_AUTO = (
    " (`precision: auto` is resolved by the machine that plans; a study that goes on elsewhere "
    "names its own, such as `--set refine.precision=bfloat16`)"
)
Watch = Callable[[Plan, Todo], AbstractContextManager[Progress]]


def told_to(progress: Progress) -> Watch:
    """Tells whatever is run to the same progress."""
    return lambda *_: nullcontext(progress)


@dataclass(frozen=True)
class Session:
    """Where and by what stages are run, and who watches: told of each plan and what it has to do.

    With `fail_fast` nothing begins after a failure; the state of what runs is kept every
    `keep_minutes`.
    """

    places: Places
    executor: Executor
    watch: Watch = field(default_factory=lambda: told_to(Silent()))
    fail_fast: bool = False
    keep_minutes: float = USUAL_MINUTES


def check_places(first: Plan, places: Places) -> None:
    """Raise StoreError unless what a run of a study writes can be written, and fits.

    `first` is the plan of the study's own seeds. Makes nothing.
    """
    places.check_writable(first.study, store=True)
    store = open_store(places.store)
    found = forecast(as_begun(first, places), store, 0)
    if not found.fits:
        raise StoreError(
            f"the disk of {store.root} has {size_text(found.free)} free, and the run takes about "
            f"{size_text(found.needed.bytes)} for weights that its stages start from and "
            f"{size_text(found.answers_bytes)} for predictions; make room (`transfer-study prune` "
            "removes weights that nothing wants) or choose another place with --store"
        )


def check_unchanged(first: Plan, places: Places) -> None:
    """Raise StudyError where stages that were run would be left behind, and run again otherwise.

    A new seed, task or arm leaves none behind.
    """
    store, whole = open_store(places.store), as_begun(first, places)
    folder = places.results / first.study.name

    def committed() -> frozenset[str]:
        return frozenset(record.id for record in store.records())

    found = left_behind(whole, folder, committed, missing(whole, store).stages)
    if found is None:
        return
    said = [f"{field} was {was}, is {is_}" for field, was, is_ in found.fields]
    more = f" (and {len(said) - _MOST_SAID} more)" if len(said) > _MOST_SAID else ""
    auto = _AUTO if any(field.endswith(".precision") for field, *_ in found.fields) else ""
    raise StudyError(
        f"the study is not as {folder} records it: "
        f"{'; '.join(said[:_MOST_SAID]) or 'what its stages start from is another'}{more}{auto}. "
        f"{counted(found.count, 'stage')} would be run again otherwise, and what was run left "
        "behind: put it back, give the study another `name` to keep both, or go on with --changed "
        "(in Python: changed=True)"
    )


def execute(plan_: Plan, session: Session, *, in_order: bool = False) -> None:
    """Run the missing stages of a plan, those that take longest first, or `in_order` as planned."""
    store = open_store(session.places.store)
    store.sweep()
    try:
        with hold(store, plan_):
            part = missing(plan_, store)
            todo = Todo(part, frozenset())
            if part.stages:
                cost = stage_cost(plan_, store)
                kept = forecast(plan_, store, session.places.keep_weights, cost).kept
                todo = Todo(part, kept, cost, in_order, session.fail_fast, session.keep_minutes)
            with session.watch(plan_, todo) as progress:
                if part.stages:
                    session.executor.run(todo, store, Several(Logged(store), progress))
    finally:
        store.sweep()  # what was being removed when an interrupt came
