"""Bodies and answers as media types and schemas."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from rushlight.messages.base import Message
from rushlight.messages.resources import Problem
from rushlight_api.operations import Content, Media, Operation, contents_of

Json = dict[str, Any]
REF = "#/components/schemas/{model}"
JSON_TYPE = "application/json"


def content_of(*contents: Content) -> Json:
    """The ``content`` of an answer or a body; several JSON forms are alternatives."""
    found: Json = {}
    schemas = [
        {"$ref": REF.format(model=one.__name__)}
        for one in contents
        if one is not None and not isinstance(one, Media)
    ]
    if schemas:
        found[JSON_TYPE] = {"schema": schemas[0] if len(schemas) == 1 else {"anyOf": schemas}}
    for one in contents:
        if isinstance(one, Media):
            found[one.type] = {"schema": {"type": "string"}}
    return found


def schemas_of(operations: Iterable[Operation]) -> Json:
    """The schemas of all that the operations take and answer."""
    declared = list(operations)
    models: dict[type[BaseModel], JsonSchemaMode] = {Problem: "serialization"}
    for one in declared:
        for answered in one.answers.values():
            models |= dict.fromkeys(_models(contents_of(answered)), "serialization")
        models |= dict.fromkeys(_models(one.bodies), "validation")
        models |= {kind: "validation" for kinds in one.messages.values() for kind in kinds}
    ordered = sorted(models.items(), key=lambda pair: pair[0].__name__)
    _, schema = models_json_schema(ordered, by_alias=True, ref_template=REF)
    found: Mapping[str, Json] = schema["$defs"]
    for model in models:
        if issubclass(model, Message):
            _name_kind(found[model.__name__], model)
    for one in declared:
        for name, kinds in one.messages.items():
            [body] = _models(one.bodies)
            named = [{"$ref": REF.format(model=kind.__name__)} for kind in kinds]
            found[body.__name__]["properties"][name]["items"] = {"anyOf": named}
    return dict(sorted(found.items()))


def _name_kind(schema: Json, message: type[Message]) -> None:
    """Messages carry their kind and version on the wire."""
    named = {"kind": {"const": message.kind()}, "version": {"const": message.version}}
    schema["properties"] = {**named, **schema["properties"]}
    schema["required"] = [*named, *schema.get("required", ())]


def _models(contents: Iterable[Content]) -> list[type[BaseModel]]:
    return [one for one in contents if isinstance(one, type)]
