"""Runs several loops side by side until the first of them ends, and clears the rest away."""

import asyncio
from collections.abc import Coroutine
from typing import Any


async def first_to_end(*loops: Coroutine[Any, Any, None]) -> None:
    """Return, or raise, as the first of them does; the others are cancelled and waited for."""
    tasks = [asyncio.create_task(loop) for loop in loops]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
    errors = [end for end in ends if isinstance(end, Exception)]
    first = [task for task in tasks if task in done]
    for task in first:
        if not task.cancelled():
            task.result()
    # An error on the way out counts as well, once the first had none.
    for error in errors:
        raise error
