"""``rushlight doctor``: looks at this machine, a data folder and a farm, and says what to do.

It changes nothing. Each module looks at one place; every finding is a sentence for people.
"""
