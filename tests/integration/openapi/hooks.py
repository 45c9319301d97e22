"""What schemathesis does differently here; ``run.py`` has it loaded."""

import os
import re
from typing import Any

import schemathesis

ROLE = os.environ.get("CONTRACT_ROLE", "")
SUCCESS = range(200, 300)
_TAG = re.compile(r'\*|(W/)?"[!#-~]*"')


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Take back what only looks valid to schemathesis, before it is sent as such.

    ``1.0`` is an integer to JSON Schema, and none to the farm, whose types are strict. Of the
    pattern of ``If-Match`` it forgets the quotes at times.
    """
    meta = case.meta
    if meta is None or not meta.generation.mode.is_positive:
        return
    if isinstance(case.body, dict | list):
        case.body = whole(case.body)
    for name in ("If-Match", "If-None-Match"):
        tag = (case.headers or {}).get(name)
        if tag is not None and _TAG.fullmatch(tag) is None:
            del case.headers[name]


def whole(value: Any) -> Any:
    """The same with integers for floats that have no fraction."""
    if isinstance(value, dict):
        return {name: whole(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [whole(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


@schemathesis.check
def role_is_held(context: Any, response: Any, case: Any) -> None:
    """A key never gets what the document keeps from its role."""
    operation = case.operation.definition.raw
    if response.request.method == "OPTIONS":
        return
    if ROLE and operation["security"] and ROLE not in operation["x-roles"]:
        assert response.status_code not in SUCCESS, f"{ROLE} may not {operation['operationId']}"
