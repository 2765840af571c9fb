"""Tables and figures of a study, from predictions alone."""
