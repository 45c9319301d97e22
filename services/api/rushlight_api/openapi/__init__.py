"""The API's own description: the OpenAPI document, and a Postman collection made from it."""

from rushlight_api.openapi.document import document

__all__ = ["document"]
