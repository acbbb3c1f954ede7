"""Describes a dialect's routes as an OpenAPI document, from the same table that serves them."""

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from types import UnionType
from typing import Any, Literal, Protocol, Union, get_args, get_origin

import msgspec
from msgspec import Struct

# What msgspec and OpenAPI exchange: JSON Schema, as plain values.
Json = dict[str, Any]

_REFERENCE_HEAD = "#/components/schemas/"
_REFERENCE = _REFERENCE_HEAD + "{name}"
_FREE = re.compile(r"{(\w+)}")


class Parameter(Struct, frozen=True):
    """One parameter of a query."""

    name: str
    type: Literal["string", "integer"]
    description: str
    default: str | int | None = None
    values: tuple[str, ...] = ()


class Form(Struct, frozen=True):
    """A body that is a form, with the fields of a type, instead of JSON."""

    of: Any


class Text(Struct, frozen=True):
    """An answer that is text of this media type, and no JSON."""

    media_type: str


class Operation(Protocol):
    """What the document needs to know of a route. One that `takes_key` heeds an Idempotency-Key;
    a `tag` that is not empty says to which part of the API it belongs. One that takes a body but
    not `needs_body` does without, too."""

    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def summary(self) -> str: ...
    @property
    def body(self) -> Any: ...
    @property
    def answers(self) -> Mapping[int, Any]: ...
    @property
    def refuses(self) -> tuple[int, ...]: ...
    @property
    def query(self) -> tuple[Parameter, ...]: ...
    @property
    def is_write(self) -> bool: ...
    @property
    def takes_key(self) -> bool: ...
    @property
    def needs_body(self) -> bool: ...
    @property
    def tag(self) -> str: ...
    @property
    def notes(self) -> str: ...


class Api(Struct, frozen=True, kw_only=True):
    """What all of a dialect's operations have in common.

    `refuses` are the statuses that any may be refused with, `writes_refuse` those of writes, and
    `keys_refuse` those that come of an Idempotency-Key. `security` names OpenAPI's security
    schemes, any of which will do, unless `ways` says which of them go together. `integers` are the
    names of free path segments that are whole numbers."""

    title: str
    version: str
    error: Any
    security: Mapping[str, Json]
    refuses: tuple[int, ...]
    writes_refuse: tuple[int, ...]
    keys_refuse: tuple[int, ...] = ()
    integers: frozenset[str] = frozenset()
    ways: tuple[tuple[str, ...], ...] = ()


def describe(api: Api, operations: Iterable[Operation], *, mount: str) -> Json:
    """Make the document; `mount` is the path that the operations' paths are under."""
    types = [api.error, *_types(operations)]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REFERENCE)
    names = {name: _plain_name(name) for name in components}
    assert len(set(names.values())) == len(names), "no two types share a plain name"
    components = {names[name]: _renamed(schema, names) for name, schema in components.items()}
    schemas = tuple(_renamed(schema, names) for schema in schemas)
    schema_of = dict(zip(map(_name, types), schemas, strict=True))
    paths: dict[str, Json] = {}
    for operation in operations:
        described = _operation(api, operation, schema_of)
        paths.setdefault(operation.path, {})[operation.method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {"title": api.title, "version": api.version},
        "servers": [{"url": mount or "/"}],
        "security": [
            {name: [] for name in way} for way in api.ways or [(name,) for name in api.security]
        ],
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": api.security},
    }


def _plain_name(name: str) -> str:
    """Of types of one name in several modules we are given the modules too; the last word of the
    module's is enough to tell them apart."""
    *modules, own = name.split(".")
    return modules[-1].rpartition("_")[2].capitalize() + own if modules else name


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    """Write references by the plain names."""
    if isinstance(value, dict):
        return {key: _renamed(inner, names) for key, inner in value.items()}
    if isinstance(value, list):
        return [_renamed(inner, names) for inner in value]
    if isinstance(value, str) and value.startswith(_REFERENCE_HEAD):
        return _REFERENCE.format(name=names[value.removeprefix(_REFERENCE_HEAD)])
    return value


def _types(operations: Iterable[Operation]) -> list[Any]:
    found: dict[str, Any] = {}
    for operation in operations:
        answers = (each for told in operation.answers.values() for each in _several(told))
        for each in (*_bodies(operation), *answers):
            found[_name(each)] = each
    return list(found.values())


def _bodies(operation: Operation) -> tuple[Any, ...]:
    return _several(operation.body.of if isinstance(operation.body, Form) else operation.body)


def _several(told: Any) -> tuple[Any, ...]:
    """A route names one type of body, several in a tuple or a union, or none."""
    if get_origin(told) in (Union, UnionType):
        return get_args(told)
    if isinstance(told, tuple):
        return told
    return () if told is None or isinstance(told, Text) else (told,)


def _name(wanted: Any) -> str:
    """Tell types apart; a generic one's parameters are not in its name, but in its text."""
    return str(wanted)


def _operation(api: Api, operation: Operation, schema_of: Mapping[str, Json]) -> Json:
    described: Json = {
        "summary": operation.summary,
        "operationId": operation.method.lower() + re.sub(r"\W+", "_", operation.path).rstrip("_"),
        "parameters": [*_path_parameters(api, operation.path), *map(_parameter, operation.query)],
        "responses": _responses(api, operation, schema_of),
    }
    if operation.notes:
        described["description"] = operation.notes
    if operation.tag:
        described["tags"] = [operation.tag]
    if operation.takes_key:
        described["parameters"].append(_IDEMPOTENCY_KEY)
    schema = _schema(_bodies(operation), schema_of)
    if schema is not None:
        described["requestBody"] = {
            "required": operation.needs_body,
            "content": {_media_type(operation): {"schema": schema}},
        }
    return described


def _schema(types: tuple[Any, ...], schema_of: Mapping[str, Json]) -> Json | None:
    schemas = [schema_of[_name(each)] for each in types]
    return {"anyOf": schemas} if len(schemas) > 1 else schemas[0] if schemas else None


def _media_type(operation: Operation) -> str:
    is_form = isinstance(operation.body, Form)
    return "application/x-www-form-urlencoded" if is_form else "application/json"


_IDEMPOTENCY_KEY: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key with the same request gets the first one's answer",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}


def _path_parameters(api: Api, path: str) -> list[Json]:
    number: Json = {"type": "integer", "minimum": 1}
    text: Json = {"type": "string", "minLength": 1}
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": number if name in api.integers else text,
        }
        for name in _FREE.findall(path)
    ]


def _parameter(parameter: Parameter) -> Json:
    schema: Json = {"type": parameter.type}
    if parameter.values:
        schema["enum"] = parameter.values
    if parameter.default is not None:
        schema["default"] = parameter.default
    return {
        "name": parameter.name,
        "in": "query",
        "required": False,
        "description": parameter.description,
        "schema": schema,
    }


def _responses(api: Api, operation: Operation, schema_of: Mapping[str, Json]) -> Json:
    responses: Json = {}
    for status, body in operation.answers.items():
        responses[str(status)] = _response(status, _schema(_several(body), schema_of))
        if isinstance(body, Text):
            text = {body.media_type: {"schema": {"type": "string"}}}
            responses[str(status)]["content"] = text
    refused = {*api.refuses, *operation.refuses}
    if operation.is_write:
        refused |= {*api.writes_refuse}
    if operation.takes_key:
        refused |= {*api.keys_refuse}
    for status in sorted(refused):
        responses[str(status)] = _response(status, schema_of[_name(api.error)])
    return responses


def _response(status: int, schema: Json | None) -> Json:
    response: Json = {"description": HTTPStatus(status).phrase}
    if schema is not None:
        response["content"] = {"application/json": {"schema": schema}}
    return response
