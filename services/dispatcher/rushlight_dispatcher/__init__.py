"""The dispatcher: the only writer. Commands in, rounds on the log, assignments and outcomes out."""
