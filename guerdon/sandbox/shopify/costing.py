"""What a call costs in points, by the rules Shopify publishes: scalars nothing, objects one, a list
as many times as it may be long, a mutation ten."""

from collections.abc import Mapping

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableNode,
    get_named_type,
)
from graphql.type import GraphQLNamedType, is_composite_type, is_interface_type, is_object_type

from guerdon.sandbox.shopify.failures import Fields

COST_MAX = 1000
_MUTATION = 10
_CONNECTION = 2
# What a list costs where a document sets no limit to it.
_UNBOUNDED = 10


class Costing:
    """Reckons one operation, before it runs and then by what it answered."""

    def __init__(
        self,
        schema: GraphQLSchema,
        fragments: Mapping[str, FragmentDefinitionNode],
        variables: Fields,
    ) -> None:
        self._schema = schema
        self._fragments = fragments
        self._variables = variables

    def requested(self, operation: OperationDefinitionNode) -> int:
        """Reckon the most that an operation may cost."""
        root = self._schema.get_root_type(operation.operation)
        assert root is not None, "the document is valid"
        total = 0
        for field, parent in self._fields(operation.selection_set, root):
            if operation.operation is OperationType.MUTATION:
                total += _MUTATION + self._beyond_payload(field, parent)
            else:
                total += self._field(field, parent)
        return total

    def _beyond_payload(self, field: FieldNode, parent: GraphQLNamedType) -> int:
        """A mutation's ten points cover its payload, and the objects directly in it."""
        payload = self._type(field, parent)
        total = 0
        for inner, holder in self._fields(field.selection_set, payload):
            direct = self._type(inner, holder)
            total += sum(
                self._field(deep, at) for deep, at in self._fields(inner.selection_set, direct)
            )
        return total

    def _field(self, field: FieldNode, parent: GraphQLNamedType) -> int:
        kind = self._type(field, parent)
        if not is_composite_type(kind):
            return 0
        inside = self._inside(field.selection_set, kind)
        if kind.name.endswith("Connection"):
            return _CONNECTION + self._length(field) * max(1, inside)
        if kind.name.endswith("Edge") or field.name.value in ("nodes", "pageInfo"):
            return inside
        return 1 + inside

    def _inside(self, selections: SelectionSetNode | None, kind: GraphQLNamedType) -> int:
        """Add up an object's fields; of the branches of a union, the dearest."""
        branches: dict[str, int] = {}
        for field, parent in self._fields(selections, kind):
            branches[parent.name] = branches.get(parent.name, 0) + self._field(field, parent)
        shared = branches.pop(kind.name, 0)
        return shared + max(branches.values(), default=0)

    def _length(self, field: FieldNode) -> int:
        for argument in field.arguments or ():
            if argument.name.value in ("first", "last"):
                if isinstance(argument.value, IntValueNode):
                    return int(argument.value.value)
                if isinstance(argument.value, VariableNode):
                    told = self._variables.get(argument.value.name.value)
                    return told if isinstance(told, int) else _UNBOUNDED
        return _UNBOUNDED

    def _type(self, field: FieldNode, parent: GraphQLNamedType) -> GraphQLNamedType:
        name = field.name.value
        if name.startswith("__") or not (is_object_type(parent) or is_interface_type(parent)):
            return self._schema.type_map["String"]
        named: GraphQLNamedType = get_named_type(parent.fields[name].type)
        return named

    def _fields(
        self, selections: SelectionSetNode | None, kind: GraphQLNamedType
    ) -> list[tuple[FieldNode, GraphQLNamedType]]:
        """List the fields selected on a type, with the type each belongs to."""
        found: list[tuple[FieldNode, GraphQLNamedType]] = []
        for node in selections.selections if selections is not None else ():
            if isinstance(node, FieldNode):
                found.append((node, kind))
                continue
            if isinstance(node, FragmentSpreadNode):
                fragment = self._fragments[node.name.value]
                on: GraphQLNamedType = self._schema.type_map[fragment.type_condition.name.value]
                found.extend(self._fields(fragment.selection_set, on))
            elif isinstance(node, InlineFragmentNode):
                condition = node.type_condition
                on = kind if condition is None else self._schema.type_map[condition.name.value]
                found.extend(self._fields(node.selection_set, on))
        return found
