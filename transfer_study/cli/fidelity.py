"""The study that a verb is asked for: that of the file, or its preview."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from transfer_study.session.places import Places
from transfer_study.study.file.study_file import read_study
from transfer_study.study.preview import share_of
from transfer_study.study.study import Study

if TYPE_CHECKING:
    from transfer_study.data.fingerprints import Rows


@dataclass(frozen=True)
class AskedStudy:
    """A study file as it is asked for, and the share of its work that a preview of it may take."""

    file: Path
    settings: Sequence[str]
    data: Path | None
    fidelity: str | None

    def read(self) -> tuple[Study, Rows | None]:
        """The study, or its preview by the data that are read for it; raises StudyError."""
        share, whole = self._share(), read_study(self.file, self.settings, self.data)
        if share is None:
            return whole, None
        from transfer_study.data.fingerprints import read_tasks
        from transfer_study.session.preview import check_previewable, preview_of

        check_previewable(whole)
        rows = read_tasks(whole)
        return preview_of(whole, share, rows), rows

    def known(self, places: Places) -> Study:
        """The study, or its preview as it was last run; raises StudyError."""
        share, whole = self._share(), read_study(self.file, self.settings, self.data)
        if share is None:
            return whole
        from transfer_study.session.preview import known_preview

        return known_preview(whole, share, places)

    def _share(self) -> float | None:
        return None if self.fidelity is None else share_of(self.fidelity)

    def named(self, *, whole: bool = False) -> str:
        """How commands name it, or the `whole` that it is a preview of."""
        from transfer_study.session.report import as_named

        share = None if whole else self._share()
        return as_named(self.file, self.settings, share)
