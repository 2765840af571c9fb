"""One stage to one directory: read, encode, learn, predict, commit."""

from __future__ import annotations

import os
import platform
import resource
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transfer_study.errors import DataError, EncoderError
from transfer_study.execute.own_memory import own_memory
from transfer_study.execute.processor import processor_name
from transfer_study.execute.program import version_of
from transfer_study.execute.suspend import Keeping
from transfer_study.store.checkpoints import drop_checkpoints
from transfer_study.store.runs.host import host_name
from transfer_study.store.runs.running import tell_running
from transfer_study.store.runs.stage_log import logged
from transfer_study.store.storage.bucket import StorageDown
from transfer_study.store.store import Store
from transfer_study.study.recipes.adapter import LoraAdapter
from transfer_study.study.stage import Stage

if TYPE_CHECKING:
    import torch

    from transfer_study.learn.material import Material
    from transfer_study.learn.models.soft import Learner

OnEpoch = Callable[[dict[str, Any]], None]
_LIBRARIES = ("transfer-study", "torch", "transformers", "tokenizers", "numpy", "ray")
_ADAPTED_BY = "peft"


class StageFailed(Exception):  # noqa: N818  (a report, not a fault of the program)
    """A stage raised an error; `log` holds its traceback.

    `of_machine` says that a file was not there, not as planned, or could not be written: what may
    be otherwise on another machine.
    """

    def __init__(self, message: str, log: Path, *, of_machine: bool = False) -> None:
        super().__init__(message)
        self.log = log
        self.of_machine = of_machine


def run_stage(
    stage: Stage,
    store: Store,
    *,
    keep_model: bool,
    keep_epoch: int | None = None,
    gpu_share: float = 1.0,
    on_epoch: OnEpoch = lambda _: None,
    keeping: Keeping | None = None,
) -> None:
    """Run a stage unless its results (and, where asked for, its weights) are already there.

    `keep_epoch` asks for the whole model of an epoch that the stage chose, heads included;
    `gpu_share` is how much of a GPU it has, if it runs on one. With `keeping` its state is kept on
    the way, and it goes on from one that was.
    Raises StageFailed after writing the traceback to the store, and Suspended where it was asked.
    """
    kept = store.has_model(stage) or not keep_model
    if store.is_done(stage) and kept and (not keep_epoch or store.has_snapshot(stage, keep_epoch)):
        return
    try:
        with (
            tell_running(stage, store) as running,
            logged(stage, store, running.id) as say,
            own_memory(),
        ):

            def told(epoch: dict[str, Any]) -> None:
                running.tell(epoch["epoch"])
                say("epoch", **epoch)
                on_epoch(epoch)

            asked = _Asked(keep_model, keep_epoch, gpu_share, keeping or Keeping(minutes=0))
            _run(stage, store, asked, told)
    except Exception as error:
        log = store.fail(stage, traceback.format_exc())
        message = f"{type(error).__name__}: {error}"
        raise StageFailed(message, log, of_machine=is_of_machine(error)) from error


def is_of_machine(error: BaseException | None) -> bool:
    """Whether an error comes from what this machine has: what was said of it is its context.

    Data and encoder were sound where the study was planned.
    """
    of_machine = OSError, DataError, EncoderError, StorageDown
    while error is not None and not isinstance(error, of_machine):
        error = error.__cause__ or error.__context__
    return error is not None


@dataclass(frozen=True)
class _Asked:
    """What is asked of one run of a stage, as `run_stage` says."""

    keep_model: bool
    keep_epoch: int | None
    gpu_share: float
    keeping: Keeping


def _run(stage: Stage, store: Store, asked: _Asked, on_epoch: OnEpoch) -> None:
    from transfer_study.execute.keep import Attempt, keep
    from transfer_study.execute.kept_state import KeptState
    from transfer_study.execute.materials import read_materials, tokenizer_of
    from transfer_study.execute.snapshot import keep_snapshot
    from transfer_study.execute.start import begin
    from transfer_study.learn.pretrain import pretrain
    from transfer_study.learn.train import train

    began = time.perf_counter()
    store.check_free(stage, asked.keep_epoch)
    device = set_up_torch(stage.recipe.cpu_threads)
    _versions()  # before anything is learned, so that nothing about them can fail after it
    starts = {
        parent.name: store.weights(parent).model_dump(mode="json") for parent in stage.parents
    }
    way = {"device": device.type, "starts": starts, "kept_epoch": asked.keep_epoch}
    state = KeptState(store, stage, way, asked.keeping)
    tokenizer = tokenizer_of(stage)
    model: Learner
    materials: Mapping[str, Material] = {}
    if stage.masked_texts is not None:
        texts = _texts(stage.masked_texts.model_dump_json())
        model, learned = pretrain(stage, tokenizer, texts, device, on_epoch, state)
    else:
        model, materials = begin(stage, store, read_materials(stage, tokenizer, device), device)
        of_stage = (stage.recipe, stage.seed, on_epoch, asked.keep_epoch)
        learned = train(model, materials, *of_stage, state)
    tokenizer_of(stage)  # its weights were loaded since the encoder was verified
    provenance = {
        **_provenance(stage, device, asked.gpu_share, state.seconds + time.perf_counter() - began),
        **({"starts": starts} if starts else {}),
        **({"continued": state.continued} if state.continued else {}),
    }
    attempt = keep(Attempt(stage, model, learned, provenance), store, keep_model=asked.keep_model)
    if asked.keep_epoch:
        keep_snapshot(attempt, store, asked.keep_epoch, tokenizer, materials)
    drop_checkpoints(store, stage)


def check_at_hand(stage: Stage) -> None:
    """Read what a stage reads and keep it; raises where it is not here as it was planned."""
    from transfer_study.data.splits import load_planned_once
    from transfer_study.execute.materials import tokenizer_of

    quiet_libraries()
    tokenizer_of(stage)
    for member in stage.tasks:
        load_planned_once(member)
    if stage.masked_texts is not None:
        _texts(stage.masked_texts.model_dump_json())


def quiet_libraries() -> None:
    """Keep the libraries' own messages and threads out of the way."""
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"


def set_up_torch(threads: int) -> torch.device:
    """Have so many threads, quiet libraries and repeatable arithmetic, on a GPU if there is one."""
    import torch

    quiet_libraries()
    torch.set_num_threads(threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.cuda.reset_peak_memory_stats()
    torch.use_deterministic_algorithms(True, warn_only=True)
    # Tensors that are written whole before they are read need not be filled first.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    return device


@lru_cache(maxsize=1)
def _texts(planned: str) -> tuple[str, ...]:
    from transfer_study.data.texts import fingerprint_texts, read_texts
    from transfer_study.study.recipes.pretraining import MaskedTexts

    masked_texts = MaskedTexts.model_validate_json(planned)
    texts = read_texts(masked_texts.texts)
    if fingerprint_texts(texts) != masked_texts.content:
        raise DataError(
            "the texts to pretrain on changed since the study was planned; "
            "run the same command again"
        )
    return texts


@cache
def _versions() -> dict[str, str]:
    return {"python": platform.python_version(), **{name: version_of(name) for name in _LIBRARIES}}


def _provenance(stage: Stage, device: Any, gpu_share: float, seconds: float) -> dict[str, Any]:
    """With what, where and at what cost a stage was run."""
    import torch

    lora = isinstance(stage.recipe.adapter, LoraAdapter)
    adapted_by = {_ADAPTED_BY: version_of(_ADAPTED_BY)} if lora else {}
    on_gpu = device.type == "cuda"
    peak = (
        torch.cuda.max_memory_allocated(device)
        if on_gpu
        else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    )
    return {
        "versions": {**_versions(), **adapted_by},
        "host": host_name(),
        "date": datetime.now(timezone.utc).date().isoformat(),
        "device": torch.cuda.get_device_name(device) if on_gpu else processor_name(),
        **({"gpu_share": gpu_share} if on_gpu else {}),
        "wall_seconds": round(seconds, 2),
        "peak_memory_bytes": int(peak),
    }
