"""Rounds of pairs that a budget has chosen, told as they come."""

from __future__ import annotations

import math

from transfer_study.points import counted
from transfer_study.predict.choose import SURE
from transfer_study.session.budget import Account
from transfer_study.session.within_budget import BudgetForecast, Round
from transfer_study.terminal.progress import duration


def round_line(found: Round) -> str:
    """What is known before a round, what it took, and what comes."""
    coming, account = found.next, found.account
    verdicts = dict(found.verdicts)
    undecided = verdicts.pop("undecided", 0)
    others = {word: verdicts.pop(word, 0) for word in ("not_learned", "failed", "not_run")}
    decided = [f"{sum(verdicts.values())} edges decided, {undecided} undecided"]
    decided += [f"{count} {word.replace('_', ' ')}" for word, count in others.items() if count]
    parts = [f"{found.pairs} of {counted(found.of_pairs, 'pair')} measured"]
    if found.pairs:
        parts[0] += f": {', '.join(decided)}"
        parts.append(
            f"of those not measured {coming.sure} sure by {100 * SURE:g}%, {coming.open} open"
        )
    parts.append(_spent(account))
    if coming.pairs:
        about = f", about {duration(found.coming)}" if account.measured else ""
        parts.append(f"next {counted(len(coming.pairs), 'pair')}{about}")
    elif coming.open or not found.pairs:
        parts.append("no pair that is still within the budget would decide more")
    else:
        parts.append("nothing is left open")
    return f"{'; '.join(parts)}."


def budget_line(coming: BudgetForecast) -> str:
    """What a run within a budget takes at most."""
    first = "" if coming.first is None else f", about {duration(coming.first)}"
    if coming.pairs is None:
        reach = f"then pairs of {coming.of_pairs}, as many as the budget reaches for"
    else:
        reach = f"then at most about {coming.pairs} of {counted(coming.of_pairs, 'pair')}"
    most = "" if coming.most is None else f"; at most {duration(coming.most)} in all, on one worker"
    unknown = "" if coming.first is not None else " Time is unknown until a stage was measured."
    return (
        f"Within the budget: first {counted(coming.stages, 'stage')} of tasks alone and of what is "
        f"no pair{first}, {reach}{most}.{unknown}"
    )


def _spent(account: Account) -> str:
    if account.measured:
        most = "" if math.isinf(account.most) else f" of {duration(account.most)}"
        return f"{duration(account.spent)}{most} spent"
    return f"{account.spent / account.most:.0%} of the budget spent, in examples read"
