"""Bringing here what a study names on a hub, so that runs need no network."""

from __future__ import annotations

from collections.abc import Iterator

from transfer_study.data.encoders.find import prefetch_encoder
from transfer_study.data.encoders.hash import fingerprint_encoder
from transfer_study.data.files.hub import prefetch_dataset
from transfer_study.study.study import Study
from transfer_study.study.tasks.source import DatasetsSource


def prefetch_study(study: Study) -> Iterator[str]:
    """Download what is missing; one line a thing, with its content's hash."""
    for encoder in study.resolved_encoders:
        prefetch_encoder(encoder)
        yield f"encoder {encoder.name}: {fingerprint_encoder(encoder)[:16]}"
    for task in study.tasks:
        if isinstance(task.source, DatasetsSource):
            prefetch_dataset(task.source)
            yield f"data set {task.source.name}: ready"
        else:
            yield f"task {task.name}: local"
