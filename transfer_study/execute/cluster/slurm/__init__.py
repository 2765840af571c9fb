"""A study as a job of Slurm: the script that it is given, and what that script runs."""
