"""From predictions to scores, and from scores to effects with intervals and verdicts."""
