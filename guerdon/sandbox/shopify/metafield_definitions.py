"""Definitions of metafields: what a key holds, and who may see it."""

from typing import Any

from guerdon.sandbox.shopify.failures import Fields, user_error
from guerdon.sandbox.shopify.metafield_shape import definition_node, resolved
from guerdon.sandbox.shopify.metafields import is_known_type
from guerdon.sandbox.shopify.shape import Info, Root, number_of, page
from guerdon.sandbox.shopify.shop import MetafieldDefinition, Shop


def definition_roots(shop: Shop) -> dict[str, Root]:
    """Give the resolvers of the root fields of metafield definitions."""
    return {
        "metafieldDefinitionCreate": _creating(shop),
        "metafieldDefinitionUpdate": _updating(shop),
        "metafieldDefinition": _finding(shop),
        "metafieldDefinitions": _searching(shop),
    }


def _place(shop: Shop, given: Fields) -> tuple[str, str, str]:
    return given["ownerType"], resolved(shop, given.get("namespace")), given["key"]


def _creating(shop: Shop) -> Root:
    def create(_info: Info, definition: Fields) -> Fields:
        place = _place(shop, definition)
        error = _refusal(shop, place, definition)
        if error is not None:
            return {"createdDefinition": None, "userErrors": [user_error(*error)]}
        owner_type, namespace, key = place
        made = MetafieldDefinition(
            id=shop.take_id(),
            owner_type=owner_type,
            namespace=namespace,
            key=key,
            name=definition["name"],
            type=definition["type"],
            description=definition.get("description"),
            access=definition.get("access") or {},
        )
        shop.definitions[place] = made
        return {"createdDefinition": definition_node(made), "userErrors": []}

    return create


def _refusal(
    shop: Shop, place: tuple[str, str, str], given: Fields
) -> tuple[list[str], str, str] | None:
    owner_type, namespace, _ = place
    if place in shop.definitions:
        message = f"Key is in use for {owner_type.title()} metafields on '{namespace}'."
        return ["definition", "key"], message, "TAKEN"
    if not is_known_type(given["type"]):
        return ["definition", "type"], "Type name is not a valid type.", "INCLUSION"
    if (given.get("access") or {}).get("admin") and not namespace.startswith("app--"):
        message = "Admin access can only be set in a namespace of the app's own."
        return ["definition", "access"], message, "ADMIN_ACCESS_INPUT_NOT_ALLOWED"
    return None


def _updating(shop: Shop) -> Root:
    def update(_info: Info, definition: Fields) -> Fields:
        found = shop.definitions.get(_place(shop, definition))
        if found is None:
            error = user_error(["definition"], "Definition not found.", "NOT_FOUND")
            return {"updatedDefinition": None, "userErrors": [error]}
        found.name = definition.get("name") or found.name
        found.description = definition.get("description", found.description)
        found.access = {**found.access, **(definition.get("access") or {})}
        return {"updatedDefinition": definition_node(found), "userErrors": []}

    return update


def _finding(shop: Shop) -> Root:
    def find(
        _info: Info,
        id: str | None = None,  # noqa: A002 -- the schema's own name
        identifier: Fields | None = None,
    ) -> Fields | None:
        found = None
        if identifier is not None:
            found = shop.definitions.get(_place(shop, identifier))
        elif id is not None:
            number = number_of(id, "MetafieldDefinition")
            found = next((one for one in shop.definitions.values() if one.id == number), None)
        return None if found is None else definition_node(found)

    return find


def _searching(shop: Shop) -> Root:
    def search(
        _info: Info,
        ownerType: str,  # noqa: N803 -- the schema's own name
        namespace: str | None = None,
        key: str | None = None,
        **paging: Any,
    ) -> Fields:
        wanted = None if namespace is None else resolved(shop, namespace)
        found = [
            definition_node(one)
            for one in shop.definitions.values()
            if one.owner_type == ownerType
            and wanted in (None, one.namespace)
            and key in (None, one.key)
        ]
        return page(found, **paging)

    return search
