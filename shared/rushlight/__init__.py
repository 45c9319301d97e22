"""Rushlight: a manager for a distributed render farm, on an event log.

Here is what several services share; the services themselves are ``rushlight_api`` and its siblings.
"""

__version__ = "0.1.0"
