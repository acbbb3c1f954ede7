"""Runs a document against a shop: read, validated, reckoned, executed."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSyntaxError,
    ListValueNode,
    OperationDefinitionNode,
    execute_sync,
    get_operation_ast,
    parse,
    validate,
    visit,
)
from graphql.language.visitor import Visitor
from msgspec import Struct

from guerdon.sandbox.shopify.bulk_codes import bulk_code_roots
from guerdon.sandbox.shopify.costing import COST_MAX, Costing
from guerdon.sandbox.shopify.customers import customer_roots
from guerdon.sandbox.shopify.discounts import discount_roots
from guerdon.sandbox.shopify.failures import (
    Fields,
    TopLevel,
    failed_fields,
    refused_document,
    refused_variables,
)
from guerdon.sandbox.shopify.gift_cards import gift_card_roots
from guerdon.sandbox.shopify.installation import installation_roots
from guerdon.sandbox.shopify.metafield_definitions import definition_roots
from guerdon.sandbox.shopify.metafields import metafield_roots
from guerdon.sandbox.shopify.schema import schema
from guerdon.sandbox.shopify.scopes import scope_of
from guerdon.sandbox.shopify.shape import page, parse_gid
from guerdon.sandbox.shopify.shop import Shop
from guerdon.sandbox.shopify.store_credit import store_credit_roots

_LIST_MAX = 250
_DOCUMENT_KEPT_MAX = 256

Roots = dict[str, Callable[..., Any]]


class Call(Struct, frozen=True):
    """A call that may run: its document is valid, its variables fit, its cost is known."""

    document: DocumentNode
    operation: OperationDefinitionNode
    operation_name: str | None
    variables: Fields
    cost: int

    @property
    def root_fields(self) -> list[str]:
        """The names by which the call is known, in the log and to a fault."""
        return root_fields(self.operation)


class Refused(Exception):
    """A call that is not run; `errors` is what the answer says."""

    def __init__(self, errors: list[Fields]) -> None:
        super().__init__("the call is not run")
        self.errors = errors


def root_fields(operation: OperationDefinitionNode) -> list[str]:
    """Give the names of an operation's root fields."""
    return [
        node.name.value
        for node in operation.selection_set.selections
        if isinstance(node, FieldNode)
    ]


@lru_cache(maxsize=_DOCUMENT_KEPT_MAX)
def _checked(text: str) -> tuple[DocumentNode | None, tuple[GraphQLError, ...]]:
    """Parse and validate; a program sends the same few documents again and again."""
    try:
        document = parse(text)
    except GraphQLSyntaxError as error:
        return None, (error,)
    return document, tuple(validate(schema(), document))


def named_roots(text: str, operation_name: str | None) -> list[str]:
    """Name a call, also one that will be refused; nothing where the text is no document."""
    document, _ = _checked(text)
    operation = None if document is None else get_operation_ast(document, operation_name)
    return [] if operation is None else root_fields(operation)


def prepare(text: str, variables: Fields, operation_name: str | None) -> Call:
    """Check a call as far as that goes without a shop, or raise Refused."""
    document, errors = _checked(text)
    if document is None or errors:
        raise Refused(refused_document(errors))
    operation = get_operation_ast(document, operation_name)
    if operation is None:
        message = "An operation name is required"
        raise Refused([TopLevel("BAD_REQUEST", message).entry()])
    wrong = refused_variables(schema(), operation, variables)
    if wrong:
        raise Refused(wrong)
    _check_lists(document, variables)
    fragments = {
        node.name.value: node
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }
    cost = Costing(schema(), fragments, variables).requested(operation)
    if cost > COST_MAX:
        message = (
            f"Query cost is {cost}, which exceeds the single query max cost limit ({COST_MAX})."
        )
        refusal = TopLevel("MAX_COST_EXCEEDED", message, cost=cost, maxCost=COST_MAX)
        raise Refused([refusal.entry()])
    return Call(document, operation, operation_name, variables, cost)


def _check_lists(document: DocumentNode, variables: Fields) -> None:
    lengths = [len(found) for found in _lists(variables)]

    class Lengths(Visitor):
        def enter_list_value(self, node: ListValueNode, *_: Any) -> None:
            lengths.append(len(node.values))

    visit(document, Lengths())
    longest = max(lengths, default=0)
    if longest > _LIST_MAX:
        message = (
            f"The input array size of {longest} is greater than the maximum allowed of {_LIST_MAX}."
        )
        raise Refused([TopLevel("MAX_INPUT_SIZE_EXCEEDED", message).entry()])


def _lists(value: object) -> list[list[object]]:
    if isinstance(value, Mapping):
        return [found for inner in value.values() for found in _lists(inner)]
    if isinstance(value, list):
        return [value, *(found for inner in value for found in _lists(inner))]
    return []


def run(
    shop: Shop, call: Call, user_errors: Mapping[str, Fields]
) -> tuple[Fields | None, list[Fields]]:
    """Run a call on a shop. `user_errors` are answered in place of acting, by root field."""
    shop.settle()
    root: Roots = dict(_roots(shop))
    for name in call.root_fields:
        scope = scope_of(name)
        if scope is not None and scope not in shop.settings.scopes:
            root[name] = _denied(name, scope)
        elif name in user_errors:
            root[name] = _answering({"userErrors": [user_errors[name]]})
    result = execute_sync(
        schema(),
        call.document,
        root_value=root,
        variable_values=call.variables,
        operation_name=call.operation_name,
    )
    return result.data, failed_fields(result.errors or ())


def _answering(payload: Fields) -> Callable[..., Any]:
    return lambda _info, **_arguments: payload


def _denied(name: str, scope: str) -> Callable[..., Any]:
    def refuse(_info: object, **_arguments: object) -> None:
        message = f"Access denied for {name} field. Required access: `{scope}` access scope."
        raise TopLevel("ACCESS_DENIED", message, requiredAccess=f"`{scope}` access scope.")

    return refuse


def _roots(shop: Shop) -> Roots:
    roots: Roots = {
        **discount_roots(shop),
        **bulk_code_roots(shop),
        **customer_roots(shop),
        **metafield_roots(shop),
        **definition_roots(shop),
        **gift_card_roots(shop),
        **store_credit_roots(shop),
        **installation_roots(shop),
        "order": lambda _info, **_: None,
        "orders": lambda _info, **paging: page([], **paging),
        "orderByIdentifier": lambda _info, **_: None,
    }
    by_kind = {
        "Customer": roots["customer"],
        "DiscountNode": roots["discountNode"],
        "GiftCard": roots["giftCard"],
        "StoreCreditAccount": roots["storeCreditAccount"],
        "WebhookSubscription": roots["webhookSubscription"],
        "DiscountRedeemCodeBulkCreation": roots["discountRedeemCodeBulkCreation"],
    }

    def node(info: Any, id: str) -> Any:  # noqa: A002 -- the schema's own name
        find = by_kind.get(parse_gid(id)[0])
        return None if find is None else find(info, id=id)

    roots["node"] = node
    roots["nodes"] = lambda info, ids: [node(info, name) for name in ids]
    return roots
