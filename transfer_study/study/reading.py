"""Which of a study's models answer for a task."""

from __future__ import annotations

from transfer_study.study.frozen import Word


class Reading(Word):
    """Which models are compared: after the joint stage, or after fine-tuning from it."""

    REFINE = "refine"
    FINETUNE = "finetune"
