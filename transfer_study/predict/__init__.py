"""Edges that were not measured, estimated from what is known; numpy and scipy alone."""
