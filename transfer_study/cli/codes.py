"""What a command ends with."""

FAILED, INVALID, NOT_RUN, DIFFERENT = 1, 2, 3, 4
SUSPENDED = 75  # as other programs say that the same command may be given again later
INTERRUPTED = 130
