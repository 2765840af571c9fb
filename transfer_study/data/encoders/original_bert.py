"""What belongs to a BERT of the original code: its configuration, vocabulary and variables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from transfer_study.errors import EncoderError
from transfer_study.files import parse_json, read_regular

_CONFIGURATION = "give the configuration that the model was trained with"
_MOST_BYTES = 1 << 28
_SPECIAL_PIECES = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")

_Size = Annotated[int, Field(gt=0, strict=True)]
_Probability = Annotated[float, Field(ge=0, lt=1, strict=True)]


class BertShape(BaseModel):
    """`bert_config.json`; other keys of it (of the pooler, say) compute nothing.

    `gelu` is the exact one here as in transformers and MT-DNN, though later releases of the
    original code approximate it by tanh (0.0006 apart in the test's hidden states); who wants that
    writes `gelu_pytorch_tanh`.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    vocab_size: _Size
    hidden_size: _Size
    num_hidden_layers: _Size
    num_attention_heads: _Size
    intermediate_size: _Size
    max_position_embeddings: _Size
    type_vocab_size: _Size
    hidden_act: Literal["gelu", "gelu_pytorch_tanh", "relu", "tanh", "linear"] = "gelu"
    hidden_dropout_prob: _Probability = 0.1
    attention_probs_dropout_prob: _Probability = 0.1
    initializer_range: Annotated[float, Field(gt=0, strict=True)] = 0.02

    @model_validator(mode="after")
    def _heads_divide(self) -> BertShape:
        if self.hidden_size % self.num_attention_heads:
            raise ValueError(
                f"hidden_size {self.hidden_size} is not a multiple of "
                f"num_attention_heads {self.num_attention_heads}"
            )
        return self


def read_shape(path: Path) -> BertShape:
    """The configuration in `bert_config.json`; raises EncoderError with every fault of it."""
    try:
        given = parse_json(_text(path))
    except (ValueError, RecursionError) as error:
        raise EncoderError(f"{path} is not valid JSON ({error})") from None
    if not isinstance(given, dict):
        raise EncoderError(f"{path}: found a {type(given).__name__}; {_CONFIGURATION}")
    try:
        return BertShape.model_validate(given)
    except ValidationError as error:
        raise EncoderError(*(f"{path}: {_sentence(fault)}" for fault in error.errors())) from None


def _sentence(fault: ErrorDetails) -> str:
    name = ".".join(map(str, fault["loc"]))
    if fault["type"] == "missing":
        return f"`{name}` is missing; {_CONFIGURATION}"
    if fault["type"] == "value_error":
        return f"{fault['ctx']['error']}; {_CONFIGURATION}"
    allowed = fault["msg"].removeprefix("Input should be ")
    return f"`{name}`: found {fault['input']!r}; allowed: {allowed}"


def read_vocabulary(path: Path, size: int) -> tuple[str, ...]:
    """The pieces in `vocab.txt`, one a line, as many as the embeddings have rows."""
    text = _text(path)
    pieces = tuple(line.strip() for line in text.removesuffix("\n").split("\n"))
    if len(pieces) != size:
        raise EncoderError(
            f"{path} has {len(pieces)} pieces, but vocab_size in bert_config.json is {size}; "
            "give the vocabulary that the model was trained with"
        )
    lacking = [piece for piece in _SPECIAL_PIECES if piece not in pieces]
    if lacking:
        raise EncoderError(
            f"{path} lacks {' '.join(lacking)}; it is not a vocabulary of the original BERT"
        )
    return pieces


def _text(path: Path) -> str:
    try:
        return read_regular(path, _MOST_BYTES).decode("utf-8")
    except FileNotFoundError:
        raise EncoderError(
            f"{path} is missing; an original BERT checkpoint has bert_config.json and vocab.txt "
            "beside its bert_model.ckpt.index"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise EncoderError(f"{path} cannot be read ({error})") from None


def variables(shape: BertShape) -> dict[str, tuple[int, ...]]:
    """The encoder's variables, by the original names, with their shapes."""
    size, inner = shape.hidden_size, shape.intermediate_size
    found: dict[str, tuple[int, ...]] = {
        "bert/embeddings/word_embeddings": (shape.vocab_size, size),
        "bert/embeddings/position_embeddings": (shape.max_position_embeddings, size),
        "bert/embeddings/token_type_embeddings": (shape.type_vocab_size, size),
    }
    dense = {"bert/pooler/dense": (size, size)}
    norms = ["bert/embeddings/LayerNorm"]
    for n in range(shape.num_hidden_layers):
        layer = f"bert/encoder/layer_{n}"
        for part in ("self/query", "self/key", "self/value", "output/dense"):
            dense[f"{layer}/attention/{part}"] = (size, size)
        dense[f"{layer}/intermediate/dense"] = (size, inner)
        dense[f"{layer}/output/dense"] = (inner, size)
        norms += [f"{layer}/attention/output/LayerNorm", f"{layer}/output/LayerNorm"]
    for name, (into, out) in dense.items():
        found |= {f"{name}/kernel": (into, out), f"{name}/bias": (out,)}
    for name in norms:
        found |= {f"{name}/gamma": (size,), f"{name}/beta": (size,)}
    return found


def transformers_name(variable: str) -> str:
    """What transformers calls a variable of the encoder."""
    *path, last = variable.removeprefix("bert/").replace("/layer_", "/layer/").split("/")
    ends = {"kernel": "weight", "gamma": "weight", "beta": "bias", "bias": "bias"}
    return ".".join([*path, ends[last]] if last in ends else [*path, last, "weight"])
