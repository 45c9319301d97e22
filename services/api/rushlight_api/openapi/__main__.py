"""Writes the description of the API into a folder: ``python -m rushlight_api.openapi docs``."""

import sys
from pathlib import Path

from litestar import Litestar

from rushlight_api.main import all_handlers
from rushlight_api.openapi.files import files


def main() -> None:
    """Write the files into the folder that is given."""
    folder = Path(sys.argv[1])
    for name, text in files(Litestar(all_handlers(), openapi_config=None)).items():
        (folder / name).write_bytes(text)


if __name__ == "__main__":
    main()
