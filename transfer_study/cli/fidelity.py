"""The study that a verb is asked for: that of the file, or its preview."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from transfer_study.session.places import Places
from transfer_study.study.file.study_file import read_study
from transfer_study.study.preview import share_of
from transfer_study.study.study import Study


@dataclass(frozen=True)
class AskedStudy:
    """A study file as it is asked for, and the share of its work that a preview of it may take."""

    file: Path
    settings: Sequence[str]
    data: Path | None
    fidelity: str | None

    def read(self, places: Places, *, known: bool = False) -> Study:
        """The study, or its preview; one that is `known` is taken as it was last run.

        Raises StudyError.
        """
        share = None if self.fidelity is None else share_of(self.fidelity)
        whole = read_study(self.file, self.settings, self.data)
        if share is None:
            return whole
        from transfer_study.session.preview import known_preview, preview_of

        return (known_preview if known else preview_of)(whole, share, places)

    def named(self, *, whole: bool = False) -> str:
        """How commands name it, or the `whole` that it is a preview of."""
        from transfer_study.session.report import as_named

        share = None if whole or self.fidelity is None else share_of(self.fidelity)
        return as_named(self.file, self.settings, share)
