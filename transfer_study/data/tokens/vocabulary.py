"""The WordPiece vocabularies of encoders that are built here."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

from transfer_study.data.texts import read_texts
from transfer_study.errors import EncoderError
from transfer_study.files import read_regular
from transfer_study.study.encoder import BUILT_IN_TEXTS, ScratchConfig, TinyConfig

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


_MOST_BYTES = 1 << 34  # a file is held in memory


def scratch_vocabulary(config: ScratchConfig) -> tuple[str, ...]:
    """The WordPiece vocabulary of an encoder from scratch, learned from its texts."""
    if config.texts is None:
        raise EncoderError(
            "an encoder from scratch has no vocabulary: add `pretrain` to the study, whose texts "
            "it is learned from"
        )
    return learn_vocabulary(read_texts(config.texts), config.vocabulary_size)


def tiny_vocabulary(config: TinyConfig) -> tuple[str, ...]:
    """The WordPiece vocabulary of a tiny encoder: special tokens, characters, frequent words.

    Ties are broken alphabetically, so that the same texts always give the same vocabulary.
    """
    if isinstance(config.texts, str):
        if config.texts != BUILT_IN_TEXTS:
            raise EncoderError(
                f"encoder tiny: found texts: {config.texts!r}; "
                f"allowed: {BUILT_IN_TEXTS!r} or a list of files"
            )
        from transfer_study.data.synthetic import lexicon

        words = Counter(dict.fromkeys(lexicon(), 1))
    else:
        words = Counter()
        for path in config.texts:
            try:
                words.update(read_regular(path, _MOST_BYTES).decode("utf-8").lower().split())
            except (OSError, UnicodeDecodeError) as error:
                raise EncoderError(
                    f"encoder tiny: cannot read the text file {path} ({error})"
                ) from None
    ascii_characters = {chr(c) for c in range(33, 127) if not chr(c).isupper()}
    characters = sorted(ascii_characters | {c for word in words for c in word})
    pieces = [*SPECIAL_TOKENS, *characters, *(f"##{c}" for c in characters)]
    known = set(pieces)
    frequent = sorted(words, key=lambda word: (-words[word], word))
    room = config.vocabulary_size - len(pieces)
    return (*pieces, *[word for word in frequent if word not in known][: max(room, 0)])
