"""Edges that were not measured, estimated from those that were."""
