"""Tables of a report: as frames, as files and for readers."""
