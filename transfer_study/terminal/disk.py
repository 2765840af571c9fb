"""How much disk a run will take, in words."""

from __future__ import annotations

from transfer_study.execute.disk import DiskForecast
from transfer_study.files import size_text
from transfer_study.points import counted


def disk_sentences(disk: DiskForecast) -> str:
    """What will be kept and why, what will not, and how much is free."""
    parts = []
    if disk.needed:
        parts.append(
            f"{size_text(disk.needed_bytes)} for {_weights(len(disk.needed))} that others of the "
            "plan start from"
        )
    if disk.wished:
        parts.append(
            f"{size_text(disk.wished_bytes)} for {_weights(len(disk.wished))} that other readings "
            "and arms could start from"
        )
    parts.append(f"{size_text(disk.answers_bytes)} for predictions")
    said = f"Disk: about {', '.join(parts)}; {size_text(disk.free)} are free."
    if disk.let_go:
        held = f", and hold {size_text(disk.models)}" if disk.models else ""
        said += (
            f" No room is left for {_weights(len(disk.let_go))} that other readings and arms could "
            f"start from ({size_text(disk.let_go_bytes)}), which these would train again: the "
            f"store's models may take {size_text(disk.limit)} (--keep-weights){held}."
        )
    return said


def _weights(n: int) -> str:
    return f"the weights of {counted(n, 'stage')}"


def disk_as_json(disk: DiskForecast) -> dict[str, object]:
    """The same as numbers, sizes in bytes."""
    return {
        "needed": {"stages": len(disk.needed), "bytes": disk.needed_bytes},
        "kept_for_others": {"stages": len(disk.wished), "bytes": disk.wished_bytes},
        "not_kept": {"stages": len(disk.let_go), "bytes": disk.let_go_bytes},
        "predictions": disk.answers_bytes,
        "models": disk.models,
        "limit": disk.limit,
        "free": disk.free,
        "fits": disk.fits,
    }
