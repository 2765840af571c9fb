"""A fault harness: whatever breaks, and wherever, a study ends with the same numbers.

Stages of a toy learner are run by the real executor, schedule, leases, checkpoints and store, on a
disk, object storage and clocks that are simulated: the disk in memory keeps apart what is forced to
it and what is not, and time is a number. `python -m tests.chaos` (`make chaos`) injects every fault
and prints a table; `test_chaos.py` does a few of each.
"""
