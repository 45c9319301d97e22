"""The event log, the views written with it, and the table of heartbeats."""
