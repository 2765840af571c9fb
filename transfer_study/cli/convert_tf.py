"""`transfer-study convert-tf`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def convert_tf(
    checkpoint: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            help="Folder of the checkpoint, bert_config.json and vocab.txt; "
            "where it holds several checkpoints, DIR/model.ckpt-1000.",
        ),
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The folder to write: new or empty.")],
    cased: Annotated[
        bool | None,
        typer.Option(
            "--cased/--uncased",
            help="Whether capitals count.",
            show_default="found from the vocabulary",
        ),
    ] = None,
) -> None:
    """Turn an original BERT checkpoint of TensorFlow into an encoder that studies can name."""
    from transfer_study.data.encoders.convert_tf import convert_tf as convert
    from transfer_study.terminal.data.conversion import print_conversion

    print_conversion(convert(checkpoint, out, cased))
