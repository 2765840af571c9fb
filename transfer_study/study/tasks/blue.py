"""The ten tasks of the BLUE benchmark, as one would write them in a study file.

Formats: ncbi-nlp/BLUE_Benchmark and ncbi-nlp/bluebert. Folders are relative to the data root.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any


def _relations(folder: str, document_pattern: str) -> dict[str, Any]:
    return {
        "format": "tsv",
        "folder": folder,
        "columns": {"text": "sentence", "label": "label", "id": "index"},
        "document_pattern": document_pattern,
    }


def _pairs(folder: str, label: str) -> dict[str, Any]:
    columns = {"text": "sentence1", "text2": "sentence2", "label": label, "id": "index"}
    return {"format": "tsv", "folder": folder, "columns": columns}


def _mentions(folder: str) -> dict[str, Any]:
    # token, document (`-` after a sentence's first token), offset, tag. BLUE's converter writes a
    # mention that a sentence break or a gap divides as `I` after a break or an `O`, hence IOB1.
    columns = {"text": 0, "document": 1, "id": 2, "label": 3}
    return {"format": "conll", "folder": folder, "columns": columns, "scheme": "iob1"}


def _tagging(name: str, domain: str, entity: str) -> dict[str, Any]:
    return {
        "kind": "tagging",
        "domain": domain,
        "labels": [entity],
        "metric": "entity_f1",
        "source": _mentions(name),
    }


def _similarity(name: str, domain: str) -> dict[str, Any]:
    return {
        "kind": "regression",
        "domain": domain,
        "metric": "pearson",
        "source": _pairs(name, "score"),
    }


BLUE: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "clinicalsts": _similarity("clinicalsts", "clinical"),
        "biosses": _similarity("biosses", "biomedical"),
        "mednli": {
            "kind": "classification",
            "domain": "clinical",
            "labels": ["contradiction", "neutral", "entailment"],
            "metric": "accuracy",
            "source": _pairs("mednli", "label"),
        },
        "i2b2-2010-re": {
            "kind": "classification",
            "domain": "clinical",
            "labels": ["PIP", "TeCP", "TeRP", "TrAP", "TrCP", "TrIP", "TrNAP", "TrWP", "false"],
            "negative": "false",
            "metric": "micro_f1",
            "source": _relations("i2b2-2010-re", r"^([^.]+)\."),
            # BLUE's own dev set has 11 positive examples: selecting on it would be noise.
            "carve_dev": 0.1,
        },
        "chemprot": {
            "kind": "classification",
            "domain": "biomedical",
            "labels": ["CPR:3", "CPR:4", "CPR:5", "CPR:6", "CPR:9", "false"],
            "negative": "false",
            "metric": "micro_f1",
            "source": _relations("chemprot", r"^([^.]+)\."),
        },
        "ddi2013-type": {
            "kind": "classification",
            "domain": "biomedical",
            "labels": ["DDI-advise", "DDI-effect", "DDI-int", "DDI-mechanism", "DDI-false"],
            "negative": "DDI-false",
            "metric": "macro_f1",
            "source": _relations("ddi2013-type", r"^(.+)\.s\d+\.p\d+$"),
        },
        "bc5cdr-chemical": _tagging("bc5cdr-chemical", "biomedical", "Chemical"),
        "bc5cdr-disease": _tagging("bc5cdr-disease", "biomedical", "Disease"),
        "shareclefe": _tagging("shareclefe", "clinical", "Disease"),
        "hoc": {
            "kind": "multilabel",
            "domain": "biomedical",
            # The order of BLUE's `0_1,1_0,...` encoding.
            "labels": [
                "activating invasion and metastasis",
                "avoiding immune destruction",
                "cellular energetics",
                "enabling replicative immortality",
                "evading growth suppressors",
                "genomic instability and mutation",
                "inducing angiogenesis",
                "resisting cell death",
                "sustaining proliferative signaling",
                "tumor promoting inflammation",
            ],
            "metric": "example_f1",
            "source": {
                "format": "tsv",
                "folder": "hoc",
                "columns": {"text": "sentence", "label": ["label", "labels"], "id": "index"},
                "document_pattern": r"^([^_]+)_",
            },
        },
    }
)
