"""Who may call an address: the roles that keys have, and the groups of them that handlers name.

A handler declares ``allowed`` with its operation; one that declares nothing is closed to everybody.
What a role may do to *which* task or worker is decided in ``ownership``.
"""

from typing import Any, Final

Allowed = frozenset[str]

# Reads everything, changes nothing but, as a submitter, its own tasks.
READERS: Final[Allowed] = frozenset({"submitter", "operator", "auditor", "admin"})
# A submitter: its own tasks only.
SUBMITTERS: Final[Allowed] = frozenset({"submitter", "operator", "admin"})
OPERATORS: Final[Allowed] = frozenset({"operator", "admin"})
# A worker: in its own name only.
AGENTS: Final[Allowed] = frozenset({"worker", "operator", "admin"})
AUDITORS: Final[Allowed] = frozenset({"auditor", "operator", "admin"})
ADMINS: Final[Allowed] = frozenset({"admin"})
# Every key, whatever its role.
KEYHOLDERS: Final[Allowed] = READERS | AGENTS
# Whoever can change a task in some way: a submitter its own, a worker the one that it holds.
CHANGERS: Final[Allowed] = SUBMITTERS | AGENTS
# No key at all is asked for.
PUBLIC: Final[Allowed] = frozenset({"public"})
NOBODY: Final[Allowed] = frozenset()


def allowed_at(handler: Any) -> Allowed:
    """Who may call a route handler; nobody, if it does not say."""
    declared = handler.opt.get("operation")
    allowed: Allowed = handler.opt.get("allowed", NOBODY) if declared is None else declared.allowed
    return allowed
