"""The pairs of a study that decide most within a budget, chosen in rounds by what is known so far.

Tasks by themselves come first. Then, round by round, every edge is estimated from what is measured,
and the pairs are run that settle most for what they cost (`predict.choose`), until no edge is in
doubt or the budget does not reach for another pair. A pair is run with all seeds of the study, and
verdicts are corrected for all of its edges (study/choice.py). What was chosen is kept before it is
run: a run that was stopped goes on with it, and what it took counts.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from transfer_study.analysis.edges import asked_edges
from transfer_study.analysis.effects.judgement import Judgement
from transfer_study.analysis.effects.tables import tables
from transfer_study.errors import StudyError
from transfer_study.files import writing
from transfer_study.predict.next_pairs import Next, first_pairs, next_pairs
from transfer_study.predict.unmeasured import settings
from transfer_study.session.budget import Account, Budget, account_of, pair_costs, pair_stages
from transfer_study.session.places import Places
from transfer_study.session.plans import keep
from transfer_study.session.run import Session, execute
from transfer_study.session.stored import answer_source, failed_stages, missing
from transfer_study.store.chosen_pairs import read_choice, write_choice
from transfer_study.store.looked import LOOKS_FILE, read_looks
from transfer_study.store.open_store import open_store
from transfer_study.study.arms import is_edge
from transfer_study.study.choice import PairChoice
from transfer_study.study.plan import Plan

ROUNDS = 10  # a round has this part of all pairs: few to learn from each, enough to run at once


@dataclass(frozen=True)
class Round:
    """How a study stands before a round: pairs measured, verdicts of their edges, what is next.

    `coming` is the estimate for the pairs of the round.
    """

    pairs: int
    of_pairs: int
    verdicts: Mapping[str, int]
    next: Next
    account: Account
    coming: float


@dataclass(frozen=True)
class BudgetForecast:
    """What a run within a budget takes: stages of no pair first, then of so many of all pairs.

    `first` and `most` are seconds, None where no stage was measured; `pairs` is None where that
    leaves open for how many the budget reaches.
    """

    stages: int
    first: float | None
    pairs: int | None
    of_pairs: int
    most: float | None


def run_within_budget(
    first: Plan, budget: Budget, session: Session, tell: Callable[[Round], None]
) -> Plan:
    """Run tasks alone and round after round of pairs, `tell` before each; the plan of what was run.

    `first` is the plan of all pairs, which `check_budget` has passed.
    """
    places = session.places
    store, folder = open_store(places.store), places.results / first.study.name
    choice, gave_up = known_choice(first, budget, places), frozenset[str]()
    while True:
        with writing(folder):
            write_choice(first, choice, folder)
        part = keep(first, places)
        # What has failed in this run is not tried again in every later round.
        stages = tuple(stage for stage in part if stage.id not in gave_up)
        execute(replace(part, stages=stages), session)
        gave_up = failed_stages(part, store)
        found = _stands(first, part, budget, places)
        tell(found)
        if not found.next.pairs or (session.fail_fast and gave_up):
            return part
        choice = choice.another(found.next.pairs)


def known_choice(first: Plan, budget: Budget, places: Places) -> PairChoice:
    """The pairs that were chosen so far; at first, those that are measured to the end already."""
    folder, store = places.results / first.study.name, open_store(places.store)
    known = read_choice(first, folder)
    if known is not None:
        return known.model_copy(update={"options": budget.options})
    todo = {stage.id for stage in missing(first, store)}
    of_pairs = pair_stages(first).items()
    done = tuple(pair for pair, stages in of_pairs if todo.isdisjoint(s.id for s in stages))
    return PairChoice(options=budget.options, rounds=(done,) if done else ())


def check_budget(first: Plan, budget: Budget, places: Places) -> None:
    """Raise StudyError for a study of which no pairs can be chosen, or a budget below a beginning.

    Writes nothing.
    """
    study, folder = first.study, places.results / first.study.name
    found = {
        "no arm of pairs": not pair_stages(first),
        "variants of the recipe": bool(study.variants),
        "several training sizes": any(system.size is not None for system in first.systems),
        "two protocols": len(first.protocols) > 1,
        "one seed, which does not tell what runs vary by": len(study.seeds) < 2,
    }
    for what, is_so in found.items():
        if is_so:
            raise StudyError(
                f"--predict: found a study of {what}; a budget chooses among pairs of one recipe, "
                "size and protocol, with two seeds or more"
            )
    Judgement.of(study).counting({("", "", False): 1})
    if read_looks(first, folder) is not None:
        raise StudyError(
            f"--predict: found {folder / LOOKS_FILE}, by which edges of this study get seeds of "
            "their own; go on with --until-decided, or remove the file to begin anew"
        )
    choice = known_choice(first, budget, places)
    account = account_of(first, first.chosen(choice), budget, places)
    if choice.rounds or math.isinf(account.most):
        return
    store = open_store(places.store)
    costs = pair_costs(first, account.cost, store)
    pairs = first_pairs(list(costs))[: _first_round(first)]
    needed = sum(map(account.cost, missing(first.chosen(choice), store)))
    needed += sum(costs[pair] for pair in pairs)
    if needed > account.left:
        every = sum(map(account.cost, first))
        whole = account.spent + needed
        seconds = f", {whole:.0f} s" if account.measured else ""
        raise StudyError(
            f"{' '.join(budget.options[1:])}: tasks alone and a first pair of each take about "
            f"{whole / every:.0%} of what all pairs do{seconds}; give more, or run fewer seeds"
        )


def forecast_budget(first: Plan, budget: Budget, places: Places) -> BudgetForecast:
    """What a run within this budget will take, by what is stored."""
    store, choice = open_store(places.store), known_choice(first, budget, places)
    part = first.chosen(choice)
    account = account_of(first, part, budget, places)
    todo = missing(part, store)
    costs = pair_costs(first, account.cost, store)
    own = sum(map(account.cost, todo))
    rest = sorted(cost for pair, cost in costs.items() if pair not in choice.pairs)
    pairs = None
    if not math.isinf(account.most):
        mean = sum(rest) / max(len(rest), 1)
        reach = int((account.left - own) / mean) if mean else 0
        pairs = len(choice.pairs) + min(max(reach, 0), len(rest))
    of_time = account.measured
    most = account.most if of_time else budget.seconds
    return BudgetForecast(len(todo), own if of_time else None, pairs, len(costs), most)


def _stands(first: Plan, part: Plan, budget: Budget, places: Places) -> Round:
    """What a part of a study shows, and which pairs are to be next."""
    store, choice = open_store(places.store), part.choice
    assert choice is not None
    account = account_of(first, part, budget, places)
    failed = failed_stages(part, store)
    scored, deltas = tables(part, answer_source(part, places), failed)
    costs = pair_costs(first, account.cost, store)
    rest = [pair for pair in costs if pair not in choice.pairs]
    alone = not choice.rounds
    most = _first_round(first) if alone else math.ceil(len(costs) / ROUNDS)
    found = list(settings(deltas, scored.alone, part.study.margin))
    coming = next_pairs(found, rest, np.array([costs[pair] for pair in rest]), account.left, most)
    edges = asked_edges(deltas)
    of_pairs = edges[edges["arm"].map(lambda label: is_edge(str(label))).astype(bool)]
    return Round(
        len(choice.pairs),
        len(costs),
        Counter(map(str, of_pairs["verdict"])),
        coming,
        account,
        sum(costs[pair] for pair in coming.pairs),
    )


def _first_round(first: Plan) -> int:
    """How many pairs give every task one."""
    return sum(math.ceil(len(first.study.tasks) / 2) for _ in first.study.starting_points)
