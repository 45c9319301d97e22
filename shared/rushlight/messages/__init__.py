"""Everything that is said on the bus, as pydantic models: commands, work, outcomes.

Plain facts only: no rule lives here, and nothing of the domain or the log is imported.
"""
