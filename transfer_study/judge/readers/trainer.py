"""What `Trainer.predict` of transformers returns, saved by numpy.

`numpy.savez("predictions.npz", predictions=output.predictions, label_ids=output.label_ids)` keeps
logits, [N, C] of classes or [N, T, C] of the pieces of sentences, and labels by number. Classes
are called as the `config.json` of the model's folder has them, if it lies beside. Examples are
numbered from 0, for a Trainer keeps their order.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transfer_study.data.files.faults import Faults
from transfer_study.files import read_json, regular_file

_IGNORED = -100  # the label of a piece that no loss is of
_KEYS = ("predictions", "label_ids")


def predictions_of(path: Path, faults: Faults) -> Iterator[tuple[int, Mapping[str, object]]]:
    """The number from 1, id, gold label and prediction of each example; faults are noted."""
    arrays = _arrays(path, faults)
    if arrays is None:
        return
    predicted, gold = arrays
    if len(predicted) != len(gold):
        faults.add(f"has {len(predicted)} predictions for {len(gold)} labels; give one an example")
        return
    if not np.isfinite(predicted).all():
        faults.add("has predictions that are no finite numbers; the model diverged, leave it out")
        return
    labels = _labels(predicted, gold, _names(path.parent), faults)
    for n, (true, answer) in enumerate(labels):
        yield n + 1, {"id": str(n), "gold": true, "prediction": answer}


def _arrays(path: Path, faults: Faults) -> tuple[NDArray[Any], NDArray[Any]] | None:
    try:
        with regular_file(path) as file, np.load(file) as content:
            lacking = [key for key in _KEYS if key not in content]
            if lacking:
                faults.add(
                    f"has no array {lacking[0]!r}; found: {', '.join(content)}. Save it by "
                    "numpy.savez(FILE, predictions=output.predictions, label_ids=output.label_ids)"
                )
                return None
            predicted, gold = (content[key] for key in _KEYS)
    except FileNotFoundError:
        faults.add("there is no such file; check the path")
        return None
    except (OSError, ValueError, EOFError, AttributeError, TypeError, zipfile.BadZipFile) as error:
        said = (str(error).splitlines() or [type(error).__name__])[0][:100]
        faults.add(
            f"no arrays of numbers as numpy.savez writes them ({said}); keep the logits alone"
        )
        return None
    if not all(array.dtype.kind in "fiub" and array.ndim for array in (predicted, gold)):
        faults.add(f"has arrays of {predicted.dtype} and {gold.dtype}; give numbers")
        return None
    return predicted, gold


def _names(folder: Path) -> list[str] | None:
    """The classes in order as the model's configuration has them, if it is there."""
    try:
        found = read_json(folder / "config.json")["id2label"]
        return [str(found[str(n)]) for n in range(len(found))]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _labels(
    predicted: NDArray[Any], gold: NDArray[Any], names: list[str] | None, faults: Faults
) -> Iterator[tuple[object, object]]:
    """Gold labels and predictions; the shapes of both say of which kind they are."""
    shapes = f"predictions {list(predicted.shape)} and labels {list(gold.shape)}"
    whole = gold.dtype.kind in "iub"
    if predicted.ndim == 2 and predicted.shape[1] == 1 and not whole:
        predicted = predicted[:, 0]
    if predicted.ndim == gold.ndim == 1 and not whole:
        yield from zip(gold.tolist(), predicted.tolist(), strict=True)
        return
    if predicted.shape == gold.shape and gold.ndim == 2 and set(np.unique(gold)) <= {0, 1}:
        named = names or [str(n) for n in range(gold.shape[1])]
        if len(named) == gold.shape[1]:
            # A logit above 0 is a probability above a half.
            for true, logits in zip(gold, predicted, strict=True):
                yield (
                    [named[n] for n in np.flatnonzero(true)],
                    [named[n] for n in np.flatnonzero(logits > 0)],
                )
            return
    classes = predicted.argmax(-1) if predicted.ndim == gold.ndim + 1 else predicted
    if not (whole and classes.shape == gold.shape and classes.dtype.kind in "iu"):
        faults.add(
            f"has {shapes}, which are neither of classes [N, C] and [N], of values [N] and [N], of "
            "several labels [N, C] twice, nor of tags [N, T, C] and [N, T]; save them as "
            "Trainer.predict returns them"
        )
        return
    most = max(classes.max(initial=0), gold.max(initial=0)) + 1
    if gold.ndim == 2 and names is None:
        faults.add("has tags by number; put the model's config.json beside it, which names them")
        return
    if names is not None and len(names) < most:
        faults.add(f"has the class {most - 1}, and config.json beside it names {len(names)}")
        return
    if gold.min(initial=0) < 0 and gold.ndim == 1:
        faults.add(f"has the label {gold.min()}, which is none; predict on examples with labels")
        return
    named = names or [str(n) for n in range(most)]
    for true, answer in zip(gold, classes, strict=True):
        if gold.ndim == 1:
            yield named[true], named[answer]
        else:
            words = true != _IGNORED
            yield [named[n] for n in true[words]], [named[n] for n in answer[words]]
