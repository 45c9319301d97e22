"""The services that are installed here, found by their entry points."""

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any

from rushlight.errors import NotFound

GROUP = "rushlight.services"


def service(name: str) -> Callable[..., Any]:
    """What starts the service ``name``.

    Raises:
        NotFound: it, or something that it needs, is not installed here.
    """
    found = entry_points(group=GROUP, name=name)
    if not found:
        raise NotFound(f"no service {name!r} is installed here; install rushlight itself")
    try:
        run: Callable[..., Any] = next(iter(found)).load()
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("rushlight"):
            raise
        raise NotFound(
            f"the service {name!r} needs {error.name}, which is not installed here;"
            " install rushlight[server]"
        ) from None
    return run
