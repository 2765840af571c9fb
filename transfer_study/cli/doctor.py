"""`transfer-study doctor`."""

from __future__ import annotations

from typing import Annotated

import typer

from transfer_study.cli.options import STORE, Json, StoreFolder


def doctor(
    store: StoreFolder = STORE,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="As Markdown, for a bug report.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show versions, devices, Ray and storage: what a bug report needs."""
    from transfer_study.terminal.doctor import examine, print_findings

    print_findings(examine(store), markdown=markdown, as_json=as_json)
