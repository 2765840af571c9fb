"""Make tests/data/tf_bert: a small original BERT checkpoint by TensorFlow, and what it computes.

Run once, in an environment of its own; the tests read the output and need no TensorFlow:

    pip install tensorflow-cpu==2.21.0 tf_keras==2.21.0
    pip install --no-deps bert-tensorflow==1.0.4
    python tests/data/make_tf_checkpoint.py

The hidden states are computed by Google's own `bert/modeling.py`, as packaged in bert-tensorflow.
Its first release had the exact gelu (erf), later ones approximate it by tanh, both under the name
`gelu`. transformers and MT-DNN, and so the original study, read that name as erf; both are kept.

    bert_config.json, vocab.txt, bert_model.ckpt.*    all variables, as a pretraining run saves them
    two_shards/model.ckpt-20.*                        the encoder's alone, merged from two writers
    expected.npz                                      inputs, hidden states and pooled output
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import types
from pathlib import Path
from typing import Any

os.environ["TF_USE_LEGACY_KERAS"] = "1"  # the original code has tf.layers

import numpy as np
import tensorflow.compat.v1 as tf

FOLDER = Path(__file__).parent / "tf_bert"
CONFIG = {
    "attention_probs_dropout_prob": 0.1,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": 32,
    "initializer_range": 0.02,
    "intermediate_size": 48,
    "max_position_embeddings": 24,
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "type_vocab_size": 2,
    "vocab_size": 60,
}
WORDS = "the of and in to with aspirin fever pain dose trial drug reduced ##s ##ed ##ing . ,"
PIECES = ["[PAD]", *(f"[unused{n}]" for n in range(10)), "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PIECES += [*WORDS.split(), *(chr(c) for c in range(ord("a"), ord("z") + 1))]
PIECES += [f"##{c}" for c in "e"]


def layer_norm(inputs: Any, begin_norm_axis: int, begin_params_axis: int, scope: str) -> Any:
    """What TensorFlow 1 had as tf.contrib.layers.layer_norm."""
    assert begin_norm_axis == begin_params_axis == -1
    with tf.variable_scope(scope or "LayerNorm"):
        beta = tf.get_variable("beta", inputs.shape[-1:])
        gamma = tf.get_variable("gamma", inputs.shape[-1:])
    mean, variance = tf.nn.moments(inputs, [-1], keepdims=True)
    return tf.nn.batch_normalization(inputs, mean, variance, beta, gamma, 1e-12)


contrib = types.ModuleType("tensorflow.contrib")
contrib.layers = types.SimpleNamespace(layer_norm=layer_norm)
sys.modules["tensorflow.contrib"] = contrib

from bert import modeling  # noqa: E402

GOOGLE_GELU = modeling.gelu  # the approximation


def exact_gelu(x: Any) -> Any:
    return 0.5 * x * (1.0 + tf.erf(x / np.sqrt(2.0)))


def compute(inputs: dict[str, np.ndarray], gelu: Any) -> tuple[list[Any], Any]:
    """The graph of BertModel without dropout: the hidden states and the pooled output."""
    modeling.gelu = gelu
    config = modeling.BertConfig.from_dict(CONFIG)
    names = ("ids", "mask", "types")
    given = (tf.constant(inputs[name]) for name in names)
    model = modeling.BertModel(config, False, *given, scope="bert")
    hidden = [model.get_embedding_output(), *model.get_all_encoder_layers()]
    return hidden, model.get_pooled_output()


def heads() -> None:
    """The other variables of a pretraining run, named as run_pretraining.py names them."""
    size, pieces = CONFIG["hidden_size"], CONFIG["vocab_size"]
    shapes = {
        "cls/predictions/transform/dense/kernel": [size, size],
        "cls/predictions/transform/dense/bias": [size],
        "cls/predictions/transform/LayerNorm/beta": [size],
        "cls/predictions/transform/LayerNorm/gamma": [size],
        "cls/predictions/output_bias": [pieces],
        "cls/seq_relationship/output_weights": [2, size],
        "cls/seq_relationship/output_bias": [2],
    }
    for name, shape in shapes.items():
        tf.get_variable(name, shape)
    tf.get_variable("global_step", [], tf.int64, trainable=False)
    # The optimiser keeps two slots a variable; of a few, to keep the file small.
    for variable in tf.trainable_variables():
        if variable.op.name.endswith(("bias", "beta", "gamma")):
            for slot in ("adam_m", "adam_v"):
                tf.get_variable(f"{variable.op.name}/{slot}", variable.shape, trainable=False)


def draw(variable: Any, random: np.random.Generator) -> np.ndarray:
    """Values far from those a model starts with: a swap or a loss of any variable is seen."""
    shape, name = variable.shape.as_list(), variable.op.name
    if variable.dtype.base_dtype == tf.int64:
        return np.int64(20)
    values = random.normal(size=shape) * (0.4 if len(shape) < 2 else 1.5 / np.sqrt(shape[0]))
    return (values + name.endswith("gamma")).astype(np.float32)


def two_shards(values: dict[str, np.ndarray]) -> None:
    """The encoder's variables in two data files, as several parameter servers write them."""
    folder = FOLDER / "two_shards"
    folder.mkdir()
    names = sorted(name for name in values if name.startswith("bert/") and "adam" not in name)
    with tf.Session(graph=tf.Graph()) as session:
        parts = []
        for n, some in enumerate((names[::2], names[1::2])):
            part = str(folder / f"part{n}")
            tensors = [tf.constant(values[name]) for name in some]
            session.run(tf.raw_ops.SaveV2(
                prefix=part, tensor_names=some, shape_and_slices=[""] * len(some), tensors=tensors
            ))  # fmt: skip
            parts.append(part)
        session.run(tf.raw_ops.MergeV2Checkpoints(
            checkpoint_prefixes=parts, destination_prefix=str(folder / "model.ckpt-20")
        ))  # fmt: skip


def main() -> None:
    assert len(PIECES) == CONFIG["vocab_size"] == len(set(PIECES)), len(PIECES)
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    (FOLDER / "bert_config.json").write_text(json.dumps(CONFIG, indent=2) + "\n")
    (FOLDER / "vocab.txt").write_text("\n".join(PIECES) + "\n")
    random = np.random.default_rng(20)
    length = np.array([24, 15, 3])
    inputs = {
        "ids": random.integers(len(PIECES), size=(3, 24)).astype(np.int32),
        "mask": (np.arange(24) < length[:, None]).astype(np.int32),
        "types": (np.arange(24) >= length[:, None] // 2).astype(np.int32),
    }
    with tf.Session(graph=tf.Graph()) as session:
        exact, pooled_exact = compute(inputs, exact_gelu)
        with tf.variable_scope(tf.get_variable_scope(), reuse=True):
            tanh, pooled_tanh = compute(inputs, GOOGLE_GELU)
        heads()
        values = {}
        for variable in tf.global_variables():
            values[variable.op.name] = value = draw(variable, random)
            variable.load(value, session)
        tf.train.Saver().save(session, str(FOLDER / "bert_model.ckpt"), write_meta_graph=False)
        outputs = session.run({
            "hidden_erf": tf.stack(exact), "pooled_erf": pooled_exact,
            "hidden_tanh": tf.stack(tanh), "pooled_tanh": pooled_tanh,
        })  # fmt: skip
    (FOLDER / "checkpoint").unlink()
    np.savez_compressed(FOLDER / "expected.npz", **inputs, **outputs)
    two_shards(values)


if __name__ == "__main__":
    tf.disable_v2_behavior()
    main()
