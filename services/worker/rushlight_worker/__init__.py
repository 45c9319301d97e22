"""The agent on a render node: takes assignments, renders, reports."""
