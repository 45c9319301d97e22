"""The one way in which the demo fails: something did not happen as promised."""


class PromiseBroken(Exception):
    """Says what was promised and what happened instead; ends the demo with exit code 1."""
