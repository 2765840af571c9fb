"""From predictions to scores, deltas, verdicts and the transfer graph."""
