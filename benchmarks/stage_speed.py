"""How fast does one stage train and predict, beside transformers' Trainer and the bare products?

    python benchmarks/stage_speed.py [CORPORA] [--device cuda]

Every way learns the same rows of ChemProt (made-up ones where no corpora are given) by the same
recipe: batches of one size, as many updates, AdamW, clipping, dropout. All are run in turn, every
other round backwards, after a batch each that is not counted; seconds are medians. `filled` is the
share of what was computed that is no padding. `rate` counts the operations of a model without
padding, over what one large matrix product of the same arithmetic makes here in a second: model
FLOP utilisation. The line of products computes all those of the batches of this project, and
nothing else.

Ratios are to the Trainer's best setting of the same arithmetic, and to its best of any: how many
times faster, round by round: median, and least to most. Where layers are frozen, `all others` finds
kept what they answer, as all stages of a study but the first do; the first, which also loads the
encoder, computes it. With one thread on a CPU seconds are of the process's own CPU, else of the
wall.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from one_stage import (
    Shape,
    Subject,
    Way,
    batches,
    by_trainer,
    keep_what_is_frozen,
    plain_loop,
    predicted,
    predicted_by_trainer,
    predicted_plainly,
    spent_on,
    study_of,
    subject,
    this_project,
    watching_shapes,
)
from products import Products, Size, rate
from side_by_side import (
    encoder_named,
    encoders,
    in_turn,
    measuring,
    named,
    options,
    parse,
    precisions,
    ratio,
)

GROUPED = {"train_sampling_strategy": "group_by_length"}
WORKERS = {"dataloader_num_workers": 2, "dataloader_persistent_workers": True}
FROZEN = 4  # of MiniLM's six layers, as in experiments/public_biomedical.yaml


@dataclass(frozen=True)
class Line:
    """A row of a table: what is run, on what, and whether it is a setting of the Trainer."""

    name: str
    way: Way
    of: Subject
    few: Subject  # the same with a batch of rows
    trainer: bool = False

    @property
    def precision(self) -> str:
        """Its arithmetic."""
        return str(self.of.stage.recipe.precision.value)


@dataclass(frozen=True)
class Kind:
    """A kind of arithmetic: what is learned in it, whole and with layers frozen.

    Each with all rows, and with a batch of them.
    """

    whole: tuple[Subject, Subject]
    frozen: tuple[Subject, Subject]


def training(kinds: Sequence[Kind]) -> list[Line]:
    """The ways to train, of each kind of arithmetic."""
    lines = []
    for kind in kinds:
        grouped = partial(by_trainer, **GROUPED)
        lines += [
            Line("this project", this_project, *kind.whole),
            Line("plain loop", plain_loop, *kind.whole),
            Line("Trainer", by_trainer, *kind.whole, trainer=True),
            Line("Trainer, grouped by length", grouped, *kind.whole, trainer=True),
        ]
        if kind.whole[0].device.type == "cuda":
            ahead = partial(by_trainer, **WORKERS)
            lines.append(Line("Trainer, two workers load rows", ahead, *kind.whole, trainer=True))
        first = partial(this_project, first=True)
        layers = f"{kind.frozen[0].stage.recipe.freeze_layers} layers frozen"
        lines += [
            Line(f"this project, {layers}: all others", this_project, *kind.frozen),
            Line(f"this project, {layers}: the first", first, *kind.frozen),
            Line(f"Trainer, {layers}, grouped", grouped, *kind.frozen),
        ]
    return lines


def prediction(kinds: Sequence[Kind]) -> list[Line]:
    """The ways to predict, of each kind of arithmetic."""
    lines = []
    for kind in kinds:
        lines += [
            Line("this project", predicted, *kind.whole),
            Line("plain loop, batches of 32", predicted_plainly, *kind.whole),
        ]
        for batch in (8, 64):
            given = {"per_device_eval_batch_size": batch}
            way, said = partial(predicted_by_trainer, **given), f"Trainer, batches of {batch}"
            lines.append(Line(said, way, *kind.whole, trainer=True))
            grouped = partial(way, **GROUPED)
            lines.append(Line(f"{said}, grouped", grouped, *kind.whole, trainer=True))
    return lines


def timed(lines: Sequence[Line], rounds: int) -> tuple[list[list[float]], list[list[Shape]]]:
    """The seconds of each line in every round, and the batches that it learned in the last."""
    for line in lines:  # loads what is loaded once, and warms the processor
        line.way(line.few)
    shapes: dict[str, list[Shape]] = {}

    def watched(n: int, line: Line) -> float:
        with watching_shapes() as seen:
            taken = line.way(line.of)
        shapes[str(n)] = seen
        return taken

    ways = {str(n): partial(watched, n, line) for n, line in enumerate(lines)}
    return list(in_turn(ways, rounds).values()), [shapes[name] for name in ways]


def ratios(lines: Sequence[Line], seconds: Sequence[Sequence[float]]) -> list[str]:
    """Each line's ratios to the Trainer's best setting of its arithmetic, and of any."""
    median = {n: np.median(of) for n, of in enumerate(seconds)}
    theirs = [n for n, line in enumerate(lines) if line.trainer]
    any_best = min(theirs, key=lambda n: median[n])
    said = []
    for line, taken in zip(lines, seconds, strict=True):
        alike = [n for n in theirs if lines[n].precision == line.precision]
        best = min(alike, key=lambda n: median[n])
        said.append(f"{ratio(seconds[best], taken):<19} {ratio(seconds[any_best], taken)}")
    return said


@dataclass(frozen=True)
class Bare:
    """What the device does at best: its products of this project's batches, and of a large one."""

    size: Size
    seconds: Mapping[str, Sequence[float]]  # of the batches, in every round, by arithmetic
    rates: Mapping[str, float]  # operations a second


def print_training(
    lines: Sequence[Line],
    seconds: Sequence[Sequence[float]],
    shapes: Sequence[Sequence[Shape]],
    bare: Bare,
) -> None:
    """Print the table of training, the products of each kind of arithmetic first."""
    print(
        f"\n{'training':<47}{'seq/s':>7}{'upd/s':>7}{'rate':>6}{'filled':>8}  "
        f"{'to the best Trainer':<19} to the best of any"
    )
    said = ratios(lines, seconds)
    for line, taken, learned, compared in zip(lines, seconds, shapes, said, strict=True):
        of = line.of
        lengths = [len(row["input_ids"]) for row in of.rows] * of.stage.recipe.epochs

        def columns(of: Subject, lengths: Sequence[int], taken: Sequence[float]) -> str:
            middle = np.median(taken)
            done = bare.size.operations(lengths) / middle / bare.rates[line.precision]  # noqa: B023
            rate = f"{'-':>6}" if of.stage.recipe.freeze_layers else f"{done:6.0%}"
            return f"{len(lengths) / middle:7.1f}{of.updates / middle:7.2f}{rate}"

        if line.name == "this project":
            least = bare.seconds[line.precision]
            print(
                f"{f'{line.precision}: its matrix products alone':<47}"
                f"{columns(of, lengths, least)}{'':8}  this project reaches {ratio(least, taken)}"
            )
        # Where batches were not all seen, as those of a graph that is replayed, nothing is said.
        computed = sum(batch * length for batch, length in learned)
        filled = f"{sum(lengths) / computed:8.0%}" if len(learned) == of.updates else f"{'-':>8}"
        print(
            f"{'  ' + line.name:<47}{columns(of, lengths, taken)}{filled}  {compared}", flush=True
        )


def print_prediction(lines: Sequence[Line], seconds: Sequence[Sequence[float]]) -> None:
    """Print the table of prediction."""
    print(
        f"\n{'prediction':<47}{'seq/s':>7}{'':21}  {'to the best Trainer':<19} to the best of any"
    )
    for line, taken, said in zip(lines, seconds, ratios(lines, seconds), strict=True):
        if line.name == "this project":
            print(line.precision)
        per_second = len(line.of.held) / float(np.median(taken))
        print(f"{'  ' + line.name:<47}{per_second:7.1f}{'':21}  {said}", flush=True)


def measure(name: str, options: argparse.Namespace, folder: Path) -> None:
    """Print both tables of an encoder."""
    encoder = encoder_named(name, folder)

    def made(place: Path, precision: str, frozen: int, rows: int, held: int) -> Subject:
        place.mkdir(parents=True, exist_ok=True)
        changes = f"refine.precision={precision}", f"refine.freeze_layers={frozen}"
        study = study_of(encoder, rows, held, options.epochs, options.batch)
        return subject(study, options.data, options.device, place, *changes)

    def both(precision: str, frozen: int) -> tuple[Subject, Subject]:
        place = folder / name / f"{precision}{frozen}"
        whole = made(place / "all", precision, frozen, options.rows, options.held)
        return whole, made(place / "few", precision, frozen, options.batch, options.batch)

    names = precisions(options.device)
    whole = {precision: both(precision, 0) for precision in names}
    of = whole[names[0]][0]
    config = of.model().config
    size = Size(
        *(config.num_hidden_layers, config.hidden_size),
        *(config.intermediate_size, config.num_attention_heads),
    )
    kinds = [Kind(whole[n], both(n, size.layers * FROZEN // 6)) for n in names]
    rates = {precision: rate(precision, options.device) for precision in names}
    lengths = [len(row["input_ids"]) for row in of.rows]
    print(
        f"\n{encoder['name']}: {len(of.rows)} rows of {np.mean(lengths):.0f} pieces, "
        f"{options.epochs} epochs of {of.updates // options.epochs} updates of {options.batch}; "
        f"{options.rounds} rounds; a large product makes "
        + ", ".join(f"{rates[n] / 1e9:,.0f} GFLOP/s in {n}" for n in names),
        flush=True,
    )
    bare = {n: Products(size, batches(of), n, options.device) for n in names}
    products = [
        Line(n, lambda at, n=n: bare[n](at.updates), *whole[n])  # type: ignore[misc]
        for n in names
    ]
    for kind in kinds:
        keep_what_is_frozen(kind.frozen[0])
    lines = training(kinds)
    # The products take turns with all others.
    seconds, shapes = timed([*products, *lines], options.rounds)
    least = Bare(size, dict(zip(names, seconds, strict=False)), rates)
    print_training(lines, seconds[len(names) :], shapes[len(names) :], least)
    print("\nwhere the time of this project's training goes, by torch's profiler")
    for n in names:
        parts = (f"{part} {share:.0%}" for part, share in spent_on(whole[n][0]).items())
        print(f"  {n}: {', '.join(parts)}", flush=True)
    asked = prediction(kinds)
    print_prediction(asked, timed(asked, options.rounds)[0])


def main() -> int:
    """Print two tables an encoder."""
    assert __doc__
    parser = options(__doc__, rows=128)
    encoders(parser)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--batch", type=int, default=16, help="rows an update")
    given = parse(parser)
    with measuring(given) as folder:
        for name in named(given):
            measure(name, given, folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
