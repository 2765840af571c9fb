"""How much disk a run will take, in words."""

from __future__ import annotations

from transfer_study.execute.disk import DiskForecast, SizedStages
from transfer_study.files import size_text
from transfer_study.points import counted


def disk_sentences(disk: DiskForecast) -> str:
    """What will be kept and why, what will not, and how much is free."""
    parts = []
    for part, children in (
        (disk.needed, "others of the plan start from"),
        (disk.wished, "other readings and arms could start from"),
    ):
        if part.ids:
            parts.append(f"{size_text(part.bytes)} for {_weights(part)} that {children}")
    parts.append(f"{size_text(disk.answers_bytes)} for predictions")
    said = f"Disk: about {', '.join(parts)}; {size_text(disk.free)} are free."
    if disk.let_go.ids:
        held = f", and hold {size_text(disk.models)}" if disk.models else ""
        said += (
            f" No room is left for {_weights(disk.let_go)} that other readings and arms could "
            f"start from ({size_text(disk.let_go.bytes)}), which these would train again: the "
            f"store's models may take {size_text(disk.limit)} (--keep-weights){held}."
        )
    return said


def _weights(part: SizedStages) -> str:
    return f"the weights of {counted(len(part.ids), 'stage')}"


def disk_as_json(disk: DiskForecast) -> dict[str, object]:
    """The same as numbers, sizes in bytes."""
    return {
        "needed": {"stages": len(disk.needed.ids), "bytes": disk.needed.bytes},
        "kept_for_others": {"stages": len(disk.wished.ids), "bytes": disk.wished.bytes},
        "not_kept": {"stages": len(disk.let_go.ids), "bytes": disk.let_go.bytes},
        "predictions": disk.answers_bytes,
        "models": disk.models,
        "limit": disk.limit,
        "free": disk.free,
        "fits": disk.fits,
    }
