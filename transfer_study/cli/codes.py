"""What a command ends with."""

FAILED, INVALID, NOT_RUN, DIFFERENT, INTERRUPTED = 1, 2, 3, 4, 130
