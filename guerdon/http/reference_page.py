"""An OpenAPI document as one page: no script, and nothing that is fetched from elsewhere."""

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from guerdon.http.openapi import Json

_STYLE = Path(__file__).with_suffix(".css").read_text(encoding="utf-8")
_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_METHODS = ("get", "post", "put", "patch", "delete")
_VERSION = re.compile(r"v[0-9]+")
# Constraints of JSON Schema, as they are said.
_BOUNDS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "minLength": "{} characters or more",
    "maxLength": "at most {} characters",
    "minItems": "{} or more",
    "maxItems": "at most {}",
    "format": "{}",
    "pattern": "matching {}",
}


def render(document: Json) -> str:
    """Write the page. All words are escaped, whoever wrote them."""
    title = escape(document["info"]["title"])
    groups = _groups(document["paths"])
    schemas: Mapping[str, Json] = document["components"]["schemas"]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body>"
        f"{_head(document, title)}<div class=columns>{_menu(groups, schemas)}<main>"
        + "".join(_group(name, operations) for name, operations in groups.items())
        + _schemas(schemas)
        + "</main></div></body></html>"
    )


def _groups(paths: Mapping[str, Json]) -> dict[str, list[tuple[str, str, Json]]]:
    """Gather operations by their tag, or else by the first word of their paths, in the order of the
    document."""
    groups: dict[str, list[tuple[str, str, Json]]] = {}
    for path, operations in paths.items():
        words = [word for word in path.strip("/").split("/") if not _VERSION.fullmatch(word)]
        for method in _METHODS:
            if method in operations:
                operation = operations[method]
                (name,) = operation.get("tags") or [words[0] if words else "/"]
                groups.setdefault(name, []).append((method.upper(), path, operation))
    return groups


def _head(document: Json, title: str) -> str:
    schemes = document["components"]["securitySchemes"]
    ways = " or ".join(
        " and ".join(_scheme(schemes[name]) for name in way) for way in document["security"]
    )
    base = escape(document["servers"][0]["url"])
    return (
        f"<header><h1>{title}</h1><p>Version {escape(document['info']['version'])}. "
        f"Paths are under <code>{base}</code>. Call with {ways}. "
        'The same for machines: <a href="schema">OpenAPI document</a>.</p></header>'
    )


def _scheme(scheme: Json) -> str:
    if scheme["type"] == "http":
        return f"<code>Authorization: {escape(scheme['scheme'].title())} …</code>"
    what = escape(scheme.get("description", "the key itself"))
    return f"{what} in the header <code>{escape(scheme['name'])}</code>"


def _menu(groups: Mapping[str, list[tuple[str, str, Json]]], schemas: Iterable[str]) -> str:
    parts = []
    for name, operations in groups.items():
        links = "".join(
            f'<li><a href="#{escape(each["operationId"])}">{escape(each["summary"])}</a></li>'
            for _, _, each in operations
        )
        parts.append(f"<h2>{_words(name)}</h2><ul>{links}</ul>")
    links = "".join(
        f'<li><a href="#schema-{escape(name)}">{escape(name)}</a></li>' for name in schemas
    )
    parts.append(f"<h2>Objects</h2><ul>{links}</ul>")
    return f'<nav aria-label="Operations">{"".join(parts)}</nav>'


def _words(name: str) -> str:
    return escape(name.replace("_", " ").replace("-", " ").capitalize())


def _group(name: str, operations: Iterable[tuple[str, str, Json]]) -> str:
    articles = "".join(_operation(*operation) for operation in operations)
    return f"<section><h2>{_words(name)}</h2>{articles}</section>"


def _operation(method: str, path: str, operation: Json) -> str:
    notes = operation.get("description", "")
    return (
        f'<article id="{escape(operation["operationId"])}"><h3>{escape(operation["summary"])}</h3>'
        f'<p class=call><b class="{method.lower()}">{method}</b> <code>{_breaking(path)}</code></p>'
        + (f"<p>{_coded(notes)}</p>" if notes else "")
        + _parameters(operation["parameters"])
        + _body(operation.get("requestBody"))
        + _answers(operation["responses"])
        + "</article>"
    )


def _coded(text: str) -> str:
    """Set what stands between backticks as code."""
    return re.sub("`([^`]*)`", r"<code>\1</code>", escape(text))


def _breaking(path: str) -> str:
    """Let a long path be broken after its slashes."""
    return escape(path).replace("/", "/<wbr>")


def _parameters(parameters: Iterable[Json]) -> str:
    rows = [
        (
            f"<code>{escape(each['name'])}</code>",
            escape(each["in"]),
            _type(each["schema"]),
            _coded(each.get("description", "")) + (" Required." if each["required"] else ""),
        )
        for each in parameters
    ]
    return _table("Parameters", ("Name", "In", "Type", ""), rows)


def _body(body: Json | None) -> str:
    if body is None:
        return ""
    (content,) = body["content"].values()
    return f"<p><b>Body</b> {_type(content['schema'])}</p>"


def _answers(responses: Mapping[str, Json]) -> str:
    """List statuses by the body that they come with: errors have all the same."""
    by_body: dict[str, list[str]] = {}
    for status, response in responses.items():
        content = response.get("content", {}).values()
        shown = " or ".join(_type(each["schema"]) for each in content) or "nothing"
        said = f"<code>{escape(status)}</code> {escape(response['description'])}"
        by_body.setdefault(shown, []).append(said)
    rows = [(", ".join(statuses), body) for body, statuses in by_body.items()]
    return _table("Answers", ("Status", "Body"), rows)


def _schemas(schemas: Mapping[str, Json]) -> str:
    shown = "".join(_schema(name, schema) for name, schema in schemas.items())
    return f"<section><h2>Objects</h2>{shown}</section>"


def _schema(name: str, schema: Json) -> str:
    required = schema.get("required", ())
    rows = [
        (
            f"<code>{escape(field)}</code>",
            _type(inner),
            "required" if field in required else "",
        )
        for field, inner in schema.get("properties", {}).items()
    ]
    about = f"<p>{_coded(schema['description'])}</p>" if "description" in schema else ""
    fields = _table("Fields", ("Field", "Type", ""), rows) if rows else f"<p>{_type(schema)}</p>"
    return f'<article id="schema-{escape(name)}"><h3>{escape(name)}</h3>{about}{fields}</article>'


def _table(caption: str, heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    if not rows:
        return ""
    head = "".join(f"<th scope=col>{escape(each)}</th>" for each in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return (
        f"<div class=table><table><caption>{escape(caption)}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _type(schema: Json) -> str:
    """Say a schema in words; an object that has a name is a link to it."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#schema-{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(map(_type, schema["anyOf"]))
    if "enum" in schema:
        return "one of " + ", ".join(_value(each) for each in schema["enum"]) + _default(schema)
    if "const" in schema:
        return _value(schema["const"])
    bounds = [
        escape(words.format(schema[bound])) for bound, words in _BOUNDS.items() if bound in schema
    ]
    limits = f" ({', '.join(bounds)})" if bounds else ""
    return _kind(schema) + limits + _default(schema)


def _kind(schema: Json) -> str:
    kind = schema.get("type", "any value")
    inner = schema.get("items", schema.get("additionalProperties"))
    if isinstance(inner, dict) and inner:
        return f"{escape(kind)} of {_type(inner)}"
    return escape(kind)


def _default(schema: Json) -> str:
    default = schema.get("default")
    return "" if default in (None, [], {}) else f", else {_value(default)}"


def _value(value: Any) -> str:
    return f"<code>{escape(str(value) if value is not None else 'null')}</code>"
