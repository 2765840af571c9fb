"""Where what a study leaves goes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from pydantic import ByteSize, TypeAdapter, ValidationError

from transfer_study.errors import StudyError
from transfer_study.files import check_folder, check_writable
from transfer_study.store.open_store import check_store
from transfer_study.store.storage.storage_url import StorageUrl, store_place
from transfer_study.study.study import Study


@dataclass(frozen=True, init=False)
class Places:
    """Where stages, tables and figures go; by default beside where the command is given.

    `keep_weights` is how much the models of the store may take, in bytes, before weights that only
    a later stage may start from are kept no more; None is `execute.disk.forecast`'s own limit.
    """

    store: Path | StorageUrl
    results: Path
    plots: Path
    keep_weights: int | None

    def __init__(
        self,
        store: Path | StorageUrl | str | None = None,
        results: Path | str | None = None,
        plots: Path | str | None = None,
        keep_weights: int | str | None = None,
    ) -> None:
        """A size may be written as 5GB; raises StoreError for a place that cannot be a folder."""
        for option, given, usual in (
            ("store", store, "results/stages"),
            ("results", results, "results"),
            ("plots", plots, "plots"),
        ):
            variable = f"TRANSFER_STUDY_{option.upper()}"
            named = (os.environ.get(variable) or usual) if given is None else given
            place = store_place(named) if option == "store" else Path(str(named))
            if isinstance(place, Path):
                check_folder(place, option)
            object.__setattr__(self, option, place)
        if keep_weights is None:
            keep_weights = os.environ.get("TRANSFER_STUDY_KEEP_WEIGHTS") or None
        limit = None if keep_weights is None else _size(keep_weights)
        object.__setattr__(self, "keep_weights", limit)

    def check_writable(self, study: Study, *, store: bool) -> None:
        """Raise StoreError unless what a study writes can be written; makes nothing."""
        if store:
            check_store(self.store)
        check_writable(self.results / study.name, "results")
        check_writable(self.plots / study.name, "plots")


def _size(said: int | str) -> int:
    try:
        return int(TypeAdapter(ByteSize).validate_python(said))
    except (ValidationError, OverflowError):
        raise StudyError(
            f"--keep-weights: found {said!r}; give a size such as 5GB or 500MB, or 0 to keep only "
            "the weights that the study itself needs"
        ) from None
