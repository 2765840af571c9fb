"""What was exported, for reading and for other programs."""

from __future__ import annotations

from transfer_study.take_home.export import Exported
from transfer_study.terminal.console import headed, print_json, stdout


def print_exported(exported: Exported) -> None:
    """Print which model it is, its scores in its tasks' own metrics, and where it is."""
    console, card = stdout(), exported.card
    console.print(
        headed(
            str(exported.folder),
            f": {card.choice.candidate.title}, seed {card.stage.seed}, epoch {card.epoch}, "
            f"stage {card.stage.id}",
        ),
        soft_wrap=True,
    )
    own = {m.task.name: m.task.metric for m in card.stage.tasks}
    for score in card.scores:
        if score.metric is own[score.task]:
            console.print(f"  {score.task} {score.split}: {score.metric} {score.value:.4f}")
    checked = ", ".join(f"{n} of {task}" for task, n in card.checked.items())
    console.print(f"  read back, it gave the stored answers: {checked}")


def exported_as_json(exported: Exported) -> None:
    """Print the same as one JSON object."""
    card = exported.card
    content = {
        "folder": str(exported.folder),
        "model": card.choice.candidate.title,
        "stage": card.stage.id,
        "seed": card.stage.seed,
        "epoch": card.epoch,
        "compared": {candidate.title: dev for candidate, dev in card.choice.compared},
        "scores": [
            {"task": s.task, "metric": s.metric, "split": s.split, "value": s.value, "n": s.n}
            for s in card.scores
        ],
        "checked": card.checked,
    }
    print_json(content)
