"""``python -m rushlight_worker``: a worker whose settings come from the environment alone.

Exit codes: 0 left in order; 2 a setting is wrong; 4 the farm does not let it in; 6 the farm was not
there to hear of the end.
"""

import gc
import sys

from rushlight.errors import (
    Forbidden,
    InvalidRequest,
    RushlightError,
    SettingsInvalid,
    Unauthenticated,
    Unavailable,
)
from rushlight_worker.main import run

EXIT_CODES = (
    (SettingsInvalid, 2),
    (InvalidRequest, 2),
    (Unauthenticated, 4),
    (Forbidden, 4),
    (Unavailable, 6),
    (RushlightError, 1),
)


def main() -> int:
    """Run it; the exit code."""
    try:
        run()
    except RushlightError as error:
        sys.stderr.write(f"error: {error}\n")
        return next(code for kind, code in EXIT_CODES if isinstance(error, kind))
    finally:
        # A stopping farm waits for this: the interpreter's last look at everything takes a while.
        gc.freeze()
    return 0


if __name__ == "__main__":
    sys.exit(main())
