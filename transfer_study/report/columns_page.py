"""The page that says what every column of every table holds.

python -m transfer_study.report.columns_page > docs/tables.md
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

_HEAD = """\
# What do the columns of the tables hold?

Every table of `results/<study>` is a CSV file whose first line has the names below; where there is
a `.parquet` of the same name, it holds the same numbers without rounding. Scores, effects and
intervals are fractions of 1 (0.016 is 1.6 points); an empty field is not known, or does not apply.
Columns `variant` and `size` are there only in studies that have several recipes (`variants:`) or
training sizes (`max_train: [100, 300]`). Made by `python -m transfer_study.report.columns_page`.
"""

_ENCODER = "The encoder, as the study names it; `NAME+mlm` after pretraining."
_READING = "`refine`: the joint model itself; `finetune`: the model fine-tuned from it."
_VARIANT = "The recipe, by its name under `variants`."
_SIZE = "How many training examples the target has; empty where it has but one size."
_SOURCE = "The task whose effect it is, several joined by `+`; empty for none."
_ARM = (
    "Which tasks are learned together: `single`, `pair`, `full`, `group:NAME` or another of "
    "[the arms](arms.md); or one of [the controls](controls.md)."
)
_METRIC = "The metric of the target."
_LOW = "Where the 95% interval of the delta begins, of the edge by itself."
_HIGH = "Where it ends."
_P = "p of the test that the delta is 0, of the edge by itself."
_CONSTANT = "What the best constant answer scores: a run that is not above it has learned nothing."

DELTAS: Mapping[str, str] = {
    "variant": _VARIANT,
    "encoder": _ENCODER,
    "source": _SOURCE,
    "target": "The task whose test score changes.",
    "size": _SIZE,
    "arm": _ARM,
    "reading": _READING,
    "metric": _METRIC,
    "over": "The control whose effect is taken away; empty for the edge itself.",
    "baseline": "The mean score, over seeds, of what the model is held against.",
    "score": "The mean score of the model: baseline + delta.",
    "delta": "The effect: the mean difference of scores over seeds.",
    "low": _LOW,
    "high": _HIGH,
    "p": _P,
    "adjusted_low": "Where the interval begins that is adjusted for all edges of the reading.",
    "adjusted_high": "Where it ends. The verdict goes by the adjusted interval and the margin.",
    "adjusted_p": "p adjusted alike; 1 for an effect within the margin.",
    "level": "What the adjusted interval leaves out: 0.05 for one edge alone, less for many.",
    "seed_sd": (
        "What one seed's difference varies by: the seeds' part of the error times the root of "
        "`n_seeds`."
    ),
    "score_sd": "What the score of one run of the model varies by, as a standard deviation.",
    "seed_freedom": "The degrees of freedom from which `seed_sd` is known.",
    "example_error": "The part of the standard error that more seeds do not take away.",
    "freedom": "The degrees of freedom of the whole error.",
    "n_seeds": "The seeds for which all scores exist.",
    "n_baseline_seeds": "The seeds of the baseline; more than `n_seeds` under `baseline_seeds:`.",
    "n_test": "Test examples.",
    "n_documents": "The units that are resampled: documents, or examples where none are named.",
    "constant": _CONSTANT,
    "collapsed": "`True` where the baseline learned and the model did not.",
    "verdict": (
        "`gain`, `loss`, `equivalent`, `undecided`, `not_learned`, `failed` or `not_run`: "
        "[what they mean](undecided.md)."
    ),
    "look": "Of a study judged by looks: which of them decided the edge; empty where none has.",
}

SCORES: Mapping[str, str] = {
    "encoder": _ENCODER,
    "reading": _READING,
    "arm": (
        f"{_ARM} `control`: fine-tuned after the joint recipe on the task alone; `without`: the "
        "full mix without one task."
    ),
    "source": _SOURCE,
    "task": "The task that is scored.",
    "size": _SIZE,
    "seed": "The seed of the run.",
    "split": "`test`: nothing else is scored here.",
    "metric": "A row a metric of the task's kind, the task's own first.",
    "value": "The score.",
    "n": "Test examples.",
    "stage": "The stage that answered, by its id: the hash of all that changes its numbers.",
    "variant": _VARIANT,
}

SYSTEMS: Mapping[str, str] = {
    "encoder": _ENCODER,
    "system": "Single task, pair, full mix and so on, in words as the paper has them.",
    "mix": "The tasks of the mix, where systems of one kind have several.",
    "task": "The task that is scored; or the average over tasks.",
    "size": "The training size shown: the largest.",
    "metric": "The metric of the task.",
    "mean": "The mean score over seeds.",
    "sd": "Its standard deviation over seeds.",
    "low": "Where the 95% interval of the mean begins, by t over seeds.",
    "high": "Where it ends.",
    "n_seeds": "Seeds.",
    "published": "The score that the paper gives for this system.",
    "published_metric": "In which metric.",
    "published_tables": "In which of its tables.",
    "notes": "What must be known to hold one against the other.",
}

STABILITY: Mapping[str, str] = {
    "encoder": _ENCODER,
    "reading": _READING,
    "arm": _ARM,
    "source": _SOURCE,
    "task": "The task that is scored.",
    "size": _SIZE,
    "metric": _METRIC,
    "variant": _VARIANT,
    "n_seeds": "Runs, failed ones included.",
    "mean": "The mean score over seeds.",
    "sd": "Its standard deviation over seeds.",
    "lowest": "The lowest score of a seed.",
    "highest": "The highest one.",
    "constant": _CONSTANT,
    "failed": "Runs that failed: not above `constant`, or their stage was tried in vain.",
    "failed_share": "Their share of all.",
    "delta": "The mean difference from the first variant, paired by seed; of the first, empty.",
    "low": _LOW,
    "high": _HIGH,
    "p": _P,
    "verdict": "As in `deltas.csv`, by the interval of the change by itself.",
}

CHOICES: Mapping[str, str] = {
    "encoder": _ENCODER,
    "reading": _READING,
    "task": "The task that is scored.",
    "size": _SIZE,
    "step": "The choice of the paper's that is added to those of the rows above.",
    "baseline_metric": "The metric of the single task.",
    "metric": "The metric of the full mix.",
    "baseline": "The mean score of the single task.",
    "score": "The mean score of the full mix.",
    "gain": "The gain that would have been reported: score − baseline.",
    "gain_low": "Where its 95% interval begins, by t over seeds.",
    "gain_high": "Where it ends.",
    "change": "What the step adds to the gain.",
    "change_low": "Where its 95% interval begins.",
    "change_high": "Where it ends.",
    "n_seeds": "Seeds.",
    "variant": _VARIANT,
}

LEAKS: Mapping[str, str] = {
    "kind": "`text`, `near text`, `sentence` (one of a pair), `document`, `label` or `protocol`.",
    "source": "The task that has what test has.",
    "source_split": "In which split.",
    "target": "The task whose split is concerned.",
    "target_split": "Which split of it.",
    "texts": "How many distinct texts (or documents) of the target are concerned.",
    "verbatim": "How many agree letter for letter, spellings that differ in case being several.",
    "short": "How many have fewer than 40 letters and digits, as headings do.",
    "source_rows": "The rows of the source concerned.",
    "rows": "The rows of the target concerned.",
    "share": "Their part of the target's rows.",
    "severity": "`high`: test scores are too good; `medium`: they may be; `low`: worth knowing.",
    "note": "What else must be known.",
    "examples": "Ids of rows of the source and the target, `source = target`.",
}

COSTS: Mapping[str, str] = {
    "stages of": "The kind of stage and its number of tasks; the last row is of all.",
    "stages": "Stages.",
    "core_hours": "Wall hours times the recipe's threads, of stages that ran on CPUs.",
    "gpu_minutes": "Minutes of the others, each by its share of a GPU.",
    "mean_seconds": "Wall seconds a stage.",
    "peak_gigabytes": "The most memory that one of them took.",
    "device": "What they ran on.",
}

MADE: Mapping[str, str] = {
    "what": "`date`, `device`, or a library.",
    "found": "The day, the device, or the library's version.",
    "stages": "How many stages were run so.",
}

FALSE_EDGES: Mapping[str, str] = {
    "encoder": _ENCODER,
    "reading": _READING,
    "arm": _ARM,
    "source": _SOURCE,
    "target": "The task that is scored.",
    "n_seeds": "The model's seeds.",
    "comparisons": "How often half of them were compared with the other half.",
    "rejected": "How many of the comparisons have a p below 0.05.",
    "verdicts": "How many would be called gain or loss.",
    "variant": _VARIANT,
    "size": _SIZE,
}

TABLES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "deltas.csv": (
        "One row an edge, and one an edge over each control; `pretraining.csv`, the gain by "
        "pretraining, has the same columns and a row a system.",
        DELTAS,
    ),
    "scores.csv": ("One row a stage, task and metric.", SCORES),
    "tables.csv": ("One row a system and task, the cells of `tables.md`.", SYSTEMS),
    "stability.csv": ("Of a study with variants: one row a system and variant.", STABILITY),
    "choices.csv": ("Under `protocol: both`: one row a task and step.", CHOICES),
    "leaks.csv": ("One row a finding: what the rows of one split share with another's.", LEAKS),
    "costs.csv": ("One row a kind of stage.", COSTS),
    "made.csv": ("One row a date, device or version with which stages were run.", MADE),
    "false_edges.csv": (
        "One row a model of four seeds or more, compared with itself (A/A).",
        FALSE_EDGES,
    ),
}


def columns_page() -> str:
    """The page as Markdown: a section a table, a row a column."""
    return "\n".join([_HEAD, *(line for name in TABLES for line in _section(name))])


def _section(name: str) -> Iterator[str]:
    said, columns = TABLES[name]
    yield f"## {name}\n\n{said}\n\n| column | what it holds |\n| --- | --- |"
    yield from (f"| `{column}` | {meaning} |" for column, meaning in columns.items())
    yield ""


if __name__ == "__main__":
    print(columns_page(), end="")
