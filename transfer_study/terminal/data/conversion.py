"""What a conversion read, left out and wrote."""

from __future__ import annotations

import json

from transfer_study.data.encoders.convert_tf import Conversion
from transfer_study.terminal.console import stdout

_OTHERS_NAMED = 10


def print_conversion(done: Conversion) -> None:
    """Print what was done, and the line of a study file that uses it."""
    shape = done.shape
    beside = [f"{len(names)} {kind}" for kind, names in done.left_out.items()]
    console = stdout()

    def tell(line: str) -> None:
        console.print(line, soft_wrap=True)

    tell(f"{done.prefix}: {done.used} tensors used, left out: {', '.join(beside) or 'none'}")
    if others := done.left_out.get("others"):
        more = ", ..." if len(others) > _OTHERS_NAMED else ""
        tell(f"others: {', '.join(others[:_OTHERS_NAMED])}{more}")
    tell(f"{'cased' if done.cased else 'uncased'}: {done.case_known_by}")
    tell(
        f"{done.folder}: written, a BERT of {shape.num_hidden_layers} layers, hidden size "
        f"{shape.hidden_size}, {shape.vocab_size} pieces, hidden_act {shape.hidden_act}"
    )
    name, source = json.dumps(done.folder.name), json.dumps(str(done.folder))
    tell(f"In a study file: encoder: {{name: {name}, source: {source}}}")
