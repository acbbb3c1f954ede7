"""How Shopify says no: before running, while running, and graphql-core's wording put into it."""

import re
from collections.abc import Iterable
from typing import Any

from graphql import (
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    VariableDefinitionNode,
    print_ast,
    type_from_ast,
    validate_input_value,
)
from graphql.type import is_input_type, is_non_null_type

# An error or a payload on its way out as JSON.
Fields = dict[str, Any]


class TopLevel(Exception):
    """A call that ends as an entry of the answer's own `errors`, with `data` null."""

    def __init__(self, code: str, message: str, **extensions: object) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.extensions = extensions

    def entry(self, path: Iterable[str | int] | None = None) -> Fields:
        said: Fields = {
            "message": self.message,
            "extensions": {"code": self.code, **self.extensions},
        }
        if path is not None:
            said["path"] = list(path)
        return said


def user_error(
    field: list[str] | None, message: str, code: str | None = None, **more: object
) -> Fields:
    """Make an entry of a payload's `userErrors`. Its type decides which parts can be seen."""
    return {"field": field, "message": message, "code": code, **more}


_RULES = (
    (r"Cannot query field '(?P<field>\w+)' on type '(?P<type>\w+)'", "undefinedField"),
    (r"Unknown argument '(?P<field>\w+)' on field '(?P<type>[\w.]+)'", "argumentNotAccepted"),
    (r"Argument '[\w.]+\((?P<field>\w+):\)'.* required", "missingRequiredArguments"),
    (r"Argument '?(?P<field>\w+)'?.* required", "missingRequiredArguments"),
    (r"Variable '\$(?P<field>\w+)' of type .* used in position", "variableMismatch"),
    (r"Variable '\$(?P<field>\w+)' is never used", "variableNotUsed"),
    (r"Variable '\$(?P<field>\w+)' is not defined", "variableNotDefined"),
    (r"Field '(?P<field>\w+)' .*must (not )?have a selection", "selectionMismatch"),
    (r"Unknown fragment '(?P<field>\w+)'", "useAndDefineFragment"),
    (r"Unknown type '(?P<field>\w+)'", "undefinedType"),
    (r"Unknown directive '@(?P<field>\w+)'", "undefinedDirective"),
    (r"cannot represent|Expected value|does not exist in", "argumentLiteralsIncompatible"),
)
_WORDING = {
    "undefinedField": "Field '{field}' doesn't exist on type '{type}'",
    "argumentNotAccepted": "Field '{type}' doesn't accept argument '{field}'",
    "missingRequiredArguments": "Missing required argument: {field}",
    "variableNotUsed": "Variable ${field} is declared but not used",
    "variableNotDefined": "Variable ${field} is used but not declared",
}


def refused_document(errors: Iterable[GraphQLError]) -> list[Fields]:
    """Say why a document is not valid."""
    return [_refused(error) for error in errors]


def _refused(error: GraphQLError) -> Fields:
    said: Fields = {"message": error.message, "locations": _locations(error)}
    for pattern, code in _RULES:
        found = re.search(pattern, error.message)
        if found is not None:
            if code in _WORDING:
                said["message"] = _WORDING[code].format(**found.groupdict())
            said["extensions"] = {"code": code}
            break
    else:
        said["extensions"] = {"code": "BAD_REQUEST"}
    return said


def _locations(error: GraphQLError) -> list[dict[str, int]]:
    return [{"line": place.line, "column": place.column} for place in error.locations or ()]


_UNKNOWN = re.compile(r"Expected value of type '(\w+)' not to include unknown field '(\w+)'")
_MISSING = re.compile(r"Expected value of type '\w+' to include required field '(\w+)'")


def refused_variables(
    schema: GraphQLSchema, operation: OperationDefinitionNode, variables: Fields
) -> list[Fields]:
    """Say which variables do not have the types that the operation declares for them."""
    refused = []
    for definition in operation.variable_definitions or ():
        problems = _problems(schema, definition, variables)
        if problems:
            name = definition.variable.name.value
            shown = ", ".join(
                f"{'.'.join(map(str, problem['path']))} ({problem['explanation']})"
                for problem in problems
            )
            refused.append(
                {
                    "message": f"Variable ${name} of type {print_ast(definition.type)} was "
                    f"provided invalid value for {shown}",
                    "extensions": {
                        "code": "INVALID_VARIABLE",
                        "value": variables.get(name),
                        "problems": problems,
                    },
                }
            )
    return refused


def _problems(
    schema: GraphQLSchema, definition: VariableDefinitionNode, variables: Fields
) -> list[Fields]:
    name = definition.variable.name.value
    kind = type_from_ast(schema, definition.type)
    if not is_input_type(kind):
        return []
    if name not in variables and (
        definition.default_value is not None or not is_non_null_type(kind)
    ):
        return []
    problems: list[Fields] = []

    def note(error: GraphQLError, path: list[str | int]) -> None:
        unknown, missing = _UNKNOWN.search(error.message), _MISSING.search(error.message)
        if unknown:
            where = [*path, unknown[2]]
            explanation = f"Field is not defined on {unknown[1]}"
        elif missing:
            where, explanation = [*path, missing[1]], "Expected value to not be null"
        elif "non-null" in error.message and "exactly one" not in error.message:
            where, explanation = path, "Expected value to not be null"
        else:
            where, explanation = path, error.message
        problems.append({"path": where, "explanation": explanation})

    validate_input_value(variables.get(name), kind, note)
    return problems


def failed_fields(errors: Iterable[GraphQLError]) -> list[Fields]:
    """Say what went wrong while fields were resolved: a refusal, or a fault of the sandbox."""
    said = []
    for error in errors:
        cause = error.original_error
        if isinstance(cause, TopLevel):
            said.append(cause.entry(error.path))
        else:
            entry = TopLevel("INTERNAL_SERVER_ERROR", f"The sandbox failed: {error.message}")
            said.append(entry.entry(error.path))
    return said
