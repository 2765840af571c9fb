"""Where a study's `patience` could end no stage, or would end it by what must not choose."""

from __future__ import annotations

from collections.abc import Iterator

from transfer_study.study.checks.written import (
    Fault,
    Written,
    finetune_recipes,
    mapping_of,
    number_of,
)
from transfer_study.study.recipes.pretraining import Pretraining
from transfer_study.study.recipes.recipe import Recipe

_Recipe = tuple[tuple[str, ...], Written, Written]  # its key, what is written there, and the whole


def stopping_faults(study: Written) -> Iterator[Fault]:
    """Every such fault as (key, sentence), of a study as one would write it."""
    for key, written, whole in _recipes(study):
        patience = number_of(written.get("patience", whole.get("patience")))
        if patience is not None and {"patience", "epochs", "selection", "train_on"} & {*written}:
            said = _fault(study, key, whole, patience)
            if said:
                yield (*key, "patience"), f"found {patience:g}, but {said}"


def _recipes(study: Written) -> Iterator[_Recipe]:
    """Every recipe that a stage may have, those of variants as they change the others."""
    refine = mapping_of(study.get("refine"))
    finetune = [
        (key, changes, {**mapping_of(study.get("finetune")), **changes})
        for key, changes in finetune_recipes(study)
    ]
    yield ("refine",), refine, refine
    yield from finetune
    for name in ("heads", "pretrain"):
        yield (name,), mapping_of(study.get(name)), mapping_of(study.get(name))
    readings = study.get("readings", ("refine",))
    bases = ([refine] if "refine" in readings else []) + (
        [whole for *_, whole in finetune] if "finetune" in readings else []
    )
    for name, changes in mapping_of(study.get("variants")).items():
        for base in bases:
            yield ("variants", name), mapping_of(changes), {**base, **mapping_of(changes)}


def _fault(study: Written, key: tuple[str, ...], recipe: Written, patience: float) -> str | None:
    """Why a patience does nothing, or is not sound, in a recipe; None where it is."""
    pretrains = key == ("pretrain",)
    protocol, selection = study.get("protocol", "clean"), recipe.get("selection", "best")
    if selection == "last":
        return (
            "`selection: last` scores dev in no epoch before the last; set `selection: best`, or "
            "remove it"
        )
    if selection == "best_test" or (protocol != "clean" and not pretrains):
        chooses = "selection: best_test" if selection == "best_test" else f"protocol: {protocol}"
        return (
            f"`{chooses}` would let the test set end training, and needs the test scores of every "
            "epoch; choose epochs on dev, or remove it"
        )
    if recipe.get("train_on", "train") == "train_and_dev":
        return (
            "`train_on: train_and_dev` learns dev, whose scores then do not say when to end; set "
            "`train_on: train`, or remove it"
        )
    usual = (Pretraining if pretrains else Recipe).model_fields["epochs"].default
    epochs = number_of(recipe.get("epochs", usual))
    if epochs is not None and epochs < patience + 2:
        return (
            f"of {epochs:g} epoch{'' if epochs == 1 else 's'} it can spare none: the first is the "
            f"best so far, and {patience:g} more must pass; give {patience + 2:g} epochs or more, "
            "or remove it"
        )
    return None
