"""What a key may be called and bound to: refused here, before anything is written."""

import re
from datetime import datetime

from rushlight.errors import InvalidRequest
from rushlight.keys.rows import NAME, RESERVED, ROLES, WORKER_ID


def check_key(
    name: str, role: str, worker_id: str | None, expires_at: datetime | None, now: datetime
) -> None:
    """Refuse a key that makes no sense.

    Raises:
        InvalidRequest: says which part, and a form that works.
    """
    if role not in ROLES:
        raise InvalidRequest(f"role {role}: take one of {', '.join(ROLES)}")
    if role == "worker":
        if worker_id is None:
            raise InvalidRequest("a key of role worker is for one worker: name its id")
        check_worker(worker_id)
    elif worker_id is not None:
        raise InvalidRequest(f"a key of role {role} is bound to no worker: leave its id out")
    if re.fullmatch(NAME, name) is None and name != worker_id:
        raise InvalidRequest(
            f"name {name!r}: take 1 to 64 letters, digits, dots, hyphens, underscores or @, the"
            " first a letter or digit"
        )
    if role != "worker" and name in RESERVED:
        raise InvalidRequest(f"name {name}: the farm itself is called that on events; take another")
    if expires_at is not None and expires_at <= now:
        raise InvalidRequest(f"the key would have run out at {expires_at.isoformat()} already")


def check_worker(worker_id: str) -> None:
    """Refuse an id that no worker can have.

    Raises:
        InvalidRequest: it is none.
    """
    if re.fullmatch(WORKER_ID, worker_id) is None:
        raise InvalidRequest(
            f"worker id {worker_id!r}: take 1 to 64 letters, digits, hyphens or underscores"
        )
