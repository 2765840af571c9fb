"""The judgement of runs that others made: from tables of scores or files of answers."""
