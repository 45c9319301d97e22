"""The description of the API as files, byte by byte the same on every run."""

from collections.abc import Mapping

import orjson
from litestar import Litestar

from rushlight_api.openapi.document import document
from rushlight_api.openapi.postman import collection

OPTIONS = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE


def files(app: Litestar) -> Mapping[str, bytes]:
    """Names and contents: the OpenAPI document and the Postman collection."""
    described = document(app)
    found = {"openapi.json": described, "postman.json": collection(described)}
    return {name: orjson.dumps(one, option=OPTIONS) for name, one in found.items()}
