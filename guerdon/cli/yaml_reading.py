"""Reads YAML as a person means it: no key twice, no digit lost, and `no` may be a country."""

import re
from collections.abc import Hashable
from decimal import Decimal

import yaml

from guerdon.domain.errors import Invalid


class BadYaml(Invalid):
    """The file is not the YAML it should be."""

    code = "bad_yaml"


class _Loader(yaml.SafeLoader):
    """The safe loader with fewer guesses: dates, octal numbers and yes/no stay text."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 -- yaml's own form


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:null", re.compile(r"^(?:~|null|)$"), ["~", "n", ""]
)
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"^[-+]?(?:0|[1-9][0-9]*)$"), list("-+0123456789")
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:0|[1-9][0-9]*)\.[0-9]+$"),
    list("-+0123456789"),
)
_Loader.add_implicit_resolver("tag:yaml.org,2002:merge", re.compile(r"^<<$"), ["<"])


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Hashable, object]:
    seen: set[object] = set()
    for key_node, _ in node.value:
        key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
        if key is None:
            raise BadYaml(f"{_place(key_node.start_mark)}: a key must be text")
        if key in seen:
            raise BadYaml(f"{_place(key_node.start_mark)}: the key {key!r} is there twice")
        seen.add(key)
    loader.flatten_mapping(node)
    return loader.construct_mapping(node, deep=True)


def _decimal(loader: _Loader, node: yaml.ScalarNode) -> Decimal:
    return Decimal(str(loader.construct_scalar(node)))


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
_Loader.add_constructor("tag:yaml.org,2002:float", _decimal)


def read_yaml(text: str) -> object:
    """Read one document; fractions come as exact decimals. Raises BadYaml with line and column."""
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 -- it is a safe loader
    except yaml.MarkedYAMLError as error:
        what = error.problem or error.context or "it cannot be read"
        raise BadYaml(f"{_place(error.problem_mark)}: {what}") from error
    except yaml.YAMLError as error:
        raise BadYaml(str(error)) from error
    except RecursionError as error:
        raise BadYaml("it is nested too deeply") from error


def _place(mark: yaml.Mark | None) -> str:
    return "the file" if mark is None else f"line {mark.line + 1}, column {mark.column + 1}"
