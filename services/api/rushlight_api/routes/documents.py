"""Swagger UI at ``/api-docs/`` and the document behind it, served from here without internet."""

import re
from functools import cache
from importlib.resources import files
from typing import Any

import orjson
from litestar import Response, get
from litestar.connection import ASGIConnection
from litestar.exceptions import NotFoundException
from litestar.handlers import BaseRouteHandler
from litestar.response import Redirect
from litestar.static_files import create_static_files_router
from openapi_ui_bundles import swagger_ui

from rushlight_api.access import PUBLIC
from rushlight_api.openapi import document
from rushlight_api.reading import Incoming

SECURITY = {
    # Swagger UI writes style attributes and draws its icons from data URLs.
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


ANYBODY = {"allowed": PUBLIC}
_ASSET = re.compile(r"/?[A-Za-z0-9._-]{1,100}")


@cache
def _page(name: str) -> bytes:
    return (files("rushlight_api") / "pages" / name).read_bytes()


@get("/", opt=ANYBODY)
async def root(request: Incoming) -> Redirect:
    """Lead people who type the bare address to the documentation."""
    return Redirect("/api-docs/")


@get("/api-docs", opt=ANYBODY)
async def page(request: Incoming) -> Response[bytes]:
    """Show the API to people."""
    return Response(_page("api-docs.html"), media_type="text/html", headers=SECURITY)


@get("/api-docs/start.js", opt=ANYBODY)
async def script(request: Incoming) -> Response[bytes]:
    """Start Swagger UI; a file, so that no script stands in the page."""
    return Response(_page("start.js"), media_type="text/javascript", headers=SECURITY)


@get("/api-docs/openapi.json", opt=ANYBODY)
async def openapi(request: Incoming) -> Response[bytes]:
    """Show the API to programs."""
    state = request.app.state
    if "document" not in state:
        state["document"] = orjson.dumps(document(request.app), option=orjson.OPT_INDENT_2)
    return Response(state["document"], media_type="application/json")


def _refuse_no_name(request: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """The disk is not asked for what no file there can be called."""
    if _ASSET.fullmatch(str(request.path_params["file_path"])) is None:
        raise NotFoundException


def handlers() -> list[Any]:
    """The pages, and the files of Swagger UI."""
    assets = create_static_files_router(
        path="/api-docs/assets",
        directories=[swagger_ui.static_path],
        name="api_docs_assets",
        opt=ANYBODY,
        guards=[_refuse_no_name],
    )
    return [root, page, script, openapi, assets]
