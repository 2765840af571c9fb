"""A WordPiece vocabulary learned from texts by the `tokenizers` library."""

from __future__ import annotations

from functools import lru_cache

from transfer_study.errors import EncoderError

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_CONTINUED = "##"
_BATCH = 1000


@lru_cache(maxsize=2)
def learn_vocabulary(texts: tuple[str, ...], size: int) -> tuple[str, ...]:
    """The pieces by their ids, at most `size`: special ones, characters, learned pieces.

    Texts are lower-cased, stripped of accents and divided as BERT does. The same set of texts
    always gives the same pieces. Raises EncoderError where the characters leave no room.
    """
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    normalizer = normalizers.BertNormalizer(lowercase=True)
    found = {c for text in texts for c in set(normalizer.normalize_str(text))}
    characters = sorted(c for c in found if not c.isspace())
    # Every piece of one character is named beforehand: left to the trainer, continuing ones are
    # numbered in the order of a hash table, which differs between trainings, and ties follow them.
    known = [*SPECIAL_TOKENS, *characters, *(_CONTINUED + c for c in characters)]
    if len(known) > size:
        raise EncoderError(
            f"vocabulary_size is {size}, but the texts have {len(characters)} different "
            f"characters, which take {len(known)} pieces by themselves; raise it"
        )
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=size,
        special_tokens=known,
        continuing_subword_prefix=_CONTINUED,
        show_progress=False,
    )
    batches = (texts[n : n + _BATCH] for n in range(0, len(texts), _BATCH))
    tokenizer.train_from_iterator(batches, trainer)
    ids: dict[str, int] = tokenizer.get_vocab()
    return tuple(sorted(ids, key=ids.__getitem__))
