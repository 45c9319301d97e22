"""The dispatcher, the only writer: commands in, rounds on the log, assignments out."""
