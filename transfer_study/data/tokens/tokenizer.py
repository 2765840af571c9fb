"""Loading an encoder's tokenizer, and what it makes of fixed texts; without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from transfer_study.data.encoders.find import encoder_folder, reads_forward
from transfer_study.data.tokens.vocabulary import scratch_vocabulary, tiny_vocabulary
from transfer_study.errors import EncoderError
from transfer_study.study.encoder import Encoder

# Of every kind that a tokenizer may treat in a way of its own.
_TEXTS = (
    "The quick brown fox jumps over the lazy dog.",
    "THE QUICK BROWN FOX; JUMPS, OVER -- THE_LAZY/DOG!",
    "Café naïve Ünlü ΑΛΦΑ βήτα Привет עברית العربية हिन्दी 日本語 한국어 𝒳 🧬👍🏽",
    "e\u0301 ﬁ ½ ² ™ … “curly” ‘quotes’ – — \u00a0 \u00ad \u200b \u2028 \ufeff \ufffd",
    "  two  spaces,\ttabs\nlines\r\nand the end \n",
    "0 1 23 4,567 8.9e-10 2026-01-31 p<0.05 50% #1 @GENE$ @DISEASE$ x^2 {a} [b] (c) \\d `e` ~f|g",
    "[CLS] [SEP] [PAD] [MASK] [UNK] <s> </s> <pad> <mask> <unk> <|endoftext|> <cls> <sep>",
    "pneumonoultramicroscopicsilicovolcanoconiosis phosphatidylinositol-3-kinase IL-2Rα don't I'm",
    "x" * 300,
    "".join(map(chr, range(32, 127))),
    "",
)
_CUT = 16
_WITHOUT_TORCH = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from transfer_study.data.tokens.tokenizer import answer_without_torch
answer_without_torch()
"""
# What a tokenizer says of itself that decides what models are given.
_PROPERTIES = (
    "all_special_ids",
    "mask_token_id",
    "model_max_length",
    "pad_token_id",
    "pad_token_type_id",
)


def load_tokenizer(encoder: Encoder) -> Any:
    """The tokenizer of an encoder; raises EncoderError where it cannot serve."""
    if encoder.tiny is not None:
        return _bert_tokenizer(tiny_vocabulary(encoder.tiny), encoder.tiny.max_length)
    if encoder.scratch is not None:
        return _bert_tokenizer(scratch_vocabulary(encoder.scratch), encoder.scratch.max_length)
    from transformers import AutoTokenizer

    folder = encoder_folder(encoder)
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    except Exception as error:  # the tokenizers library raises bare exceptions
        raise EncoderError(
            f"encoder {encoder.name}: the tokenizer in {folder} cannot be loaded ({error})"
        ) from None
    if not tokenizer.get_vocab().keys() - {*tokenizer.all_special_tokens}:
        raise EncoderError(
            f"encoder {encoder.name}: {folder} holds no vocabulary for its tokenizer "
            f"({', '.join(filter(None, tokenizer.vocab_files_names.values()))})"
        )
    if not tokenizer.is_fast:
        raise EncoderError(
            f"encoder {encoder.name}: its tokenizer cannot align words with pieces; "
            "give a model with a tokenizer.json"
        )
    if reads_forward(encoder):
        _make_ready(tokenizer)
    if tokenizer.pad_token_id is None:
        raise EncoderError(
            f"encoder {encoder.name}: its tokenizer has no padding token, nor one for the end "
            "of a text; give an encoder such as BERT, RoBERTa, ELECTRA, DeBERTa or ModernBERT"
        )
    # Byte-level tokenizers take words apart from their sentence only with a space before each.
    splitter = tokenizer.backend_tokenizer.pre_tokenizer
    if getattr(splitter, "add_prefix_space", True) is False:
        splitter.add_prefix_space = True
        # What is saved with an exported model must split as this one does.
        tokenizer.add_prefix_space = tokenizer.init_kwargs["add_prefix_space"] = True
    return tokenizer


def _make_ready(tokenizer: Any) -> None:
    """Have the tokenizer of a generative model end every text, and pad where it does no harm.

    Padding on the left would move the positions of a text by what it is batched with. Where such a
    tokenizer marks nothing, the end of a text is told by its own piece, as between documents: the
    two texts of a pair would be one, and an empty one nothing.
    """
    from tokenizers.processors import TemplateProcessing

    tokenizer.padding_side = "right"
    end = tokenizer.eos_token
    if end is None:
        return
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = end  # what stands there is never attended to
    if tokenizer.num_special_tokens_to_add(pair=True) == 0:
        tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
            single=f"$A {end}",
            pair=f"$A {end} $B {end}",
            special_tokens=[(end, tokenizer.eos_token_id)],
        )


def _bert_tokenizer(vocabulary: tuple[str, ...], max_length: int) -> Any:
    from transformers import BertTokenizer

    return BertTokenizer(
        vocab={piece: n for n, piece in enumerate(vocabulary)},
        do_lower_case=True,
        model_max_length=max_length,
    )


def describe_tokenizer(encoder: Encoder) -> dict[str, Any]:
    """The class of an encoder's tokenizer, the `files` it may read, and the ids of fixed texts.

    Transformers imports torch where it can, which a plan need not wait for: a process without it
    answers, unless this one has it already.
    """
    if sys.modules.get("torch"):
        return _described(encoder)
    # Isolated, so that nothing in the working directory takes the place of a library.
    done = subprocess.run(
        [sys.executable, "-I", "-c", _WITHOUT_TORCH, json.dumps(sys.path)],
        input=encoder.model_dump_json(),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        raise EncoderError(
            f"encoder {encoder.name}: its tokenizer cannot be examined "
            f"({done.stderr.strip().rpartition(chr(10))[2] or f'exit {done.returncode}'})"
        )
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if "error" in answer:
        raise EncoderError(answer["error"])
    return answer


def _described(encoder: Encoder) -> dict[str, Any]:
    from transformers import AutoConfig

    folder = encoder_folder(encoder)
    try:
        AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except Exception as error:  # settings of all kinds, read by code of many authors
        raise EncoderError(
            f"encoder {encoder.name}: {folder / 'config.json'} describes no model that "
            f"transformers has ({error})"
        ) from None
    tokenizer = load_tokenizer(encoder)
    texts, words = list(_TEXTS), [text.split() for text in _TEXTS]
    batches = (
        tokenizer(texts, verbose=False),
        tokenizer(texts, texts[::-1], truncation=True, max_length=_CUT),
        tokenizer(words, is_split_into_words=True, verbose=False),
    )
    return {
        "class": type(tokenizer).__name__,
        "files": sorted({*filter(None, tokenizer.vocab_files_names.values())}),
        "properties": {name: getattr(tokenizer, name) for name in _PROPERTIES},
        "ids": [[batch["input_ids"], batch.get("token_type_ids")] for batch in batches],
    }


def answer_without_torch() -> None:
    """In a process of its own: the description of the encoder that stdin gives, to stdout."""
    sys.modules["torch"] = None  # type: ignore[assignment]  # to import it is an ImportError
    try:
        answer = _described(Encoder.model_validate_json(sys.stdin.read()))
    except EncoderError as error:
        answer = {"error": str(error)}
    print(json.dumps(answer))
