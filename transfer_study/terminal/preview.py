"""A preview told as what it is, and what the whole study would take."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from transfer_study.session.places import Places
from transfer_study.store.open_store import open_store
from transfer_study.study.plan import Plan
from transfer_study.study.preview import Preview
from transfer_study.terminal.progress import duration


def print_preview(console: Console, preview: Preview | None) -> None:
    """Print what a preview is, before anything else of it; nothing of a study."""
    if preview is not None:
        console.print(preview.caution, style="yellow", soft_wrap=True)


def preview_as_json(preview: Preview | None) -> dict[str, Any]:
    """What a JSON object says of a preview; nothing of a study."""
    if preview is None:
        return {}
    return {"preview": preview.model_dump(mode="json", exclude={"whole"})}


def print_whole(console: Console, plan: Plan, places: Places, whole: str) -> None:
    """Print by which command the whole of a preview is run, and what it would take."""
    preview = plan.study.preview
    if preview is None:
        return
    from transfer_study.execute.cost import seconds_taken  # numpy is not needed before

    took = ""
    if all(map(open_store(places.store).is_done, plan)):
        seconds = seconds_taken(plan, open_store(places.store))
        took = (
            f", about {duration(seconds / preview.part)} on one worker "
            f"where this preview took {duration(seconds)}"
        )
    folder = places.results / plan.study.name
    console.print(f"The whole study{took}: transfer-study run {whole}", soft_wrap=True)
    console.print(
        f"What of this holds then: transfer-study compare {folder} {whole}", soft_wrap=True
    )
