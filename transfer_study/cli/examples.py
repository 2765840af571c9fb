"""`transfer-study examples`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from transfer_study.cli import options
from transfer_study.session.places import Places
from transfer_study.study.file.study_file import read_study
from transfer_study.study.reading import Reading
from transfer_study.terminal.console import warn


def examples(
    study: options.StudyFile,
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="The partner, several joined by +.")
    ],
    target: Annotated[str, typer.Argument(metavar="TARGET", help="The task that is tested.")],
    arm: Annotated[str | None, typer.Option(help="Such as pair.", show_default=False)] = None,
    encoder: Annotated[str | None, typer.Option(help="By its name.", show_default=False)] = None,
    reading: Annotated[
        Reading | None, typer.Option(help="refine or finetune.", show_default=False)
    ] = None,
    variant: Annotated[str | None, typer.Option(help="By its name.", show_default=False)] = None,
    size: Annotated[
        int | None, typer.Option(min=1, help="A training size of the target.", show_default=False)
    ] = None,
    texts: Annotated[
        bool, typer.Option("--texts", help="With their texts, from the data.")
    ] = False,
    most: Annotated[int, typer.Option(min=1, help="At most so many are shown.")] = 20,
    to: Annotated[
        Path | None,
        typer.Option(metavar="FILE.csv", help="Write all of them there.", show_default=False),
    ] = None,
    settings: options.Settings = [],  # noqa: B006
    data: options.Data = None,
    store: options.StoreFolder = options.STORE,
    results: options.ResultsFolder = options.RESULTS,
    as_json: options.Json = False,
) -> None:
    """List the test examples that an edge changes most often over seeds; runs nothing.

    Their ids, labels and answers, and their texts where asked for, are in no report.
    """
    from transfer_study.files import check_writable
    from transfer_study.session.examples import EdgeRequest, changed_examples
    from transfer_study.session.plans import known_plan
    from transfer_study.session.stored import lost_stages
    from transfer_study.terminal import examples as view

    places = Places(store, results)
    plan_ = known_plan(read_study(study, settings, data), places)
    asked = EdgeRequest(source, target, arm, encoder, reading, variant, size)
    if to is not None:
        check_writable(to.parent, "to")
    warn(lost_stages(plan_, places))
    edge, n_seeds, found = changed_examples(plan_, places, asked, texts=texts)
    if to is not None:
        to.parent.mkdir(parents=True, exist_ok=True)
        found.to_csv(to, index=False, lineterminator="\n")
    if as_json:
        view.examples_as_json(edge, n_seeds, found, most)
    else:
        view.print_examples(edge, n_seeds, found, most, to)
