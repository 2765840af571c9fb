"""Stages and trials through Ray: what is said to it, and the process in which it runs."""
