"""How metafields are shown, on whatever owns them."""

import hashlib
import json
from typing import Any

from guerdon.sandbox.shopify.failures import Fields
from guerdon.sandbox.shopify.shape import Info, gid, page
from guerdon.sandbox.shopify.shop import Metafield, MetafieldDefinition, Shop

OWNER_TYPES = {
    "Customer": "CUSTOMER",
    "Shop": "SHOP",
    "AppInstallation": "API_PERMISSION",
    "DiscountCodeNode": "DISCOUNT",
    "Order": "ORDER",
    "Product": "PRODUCT",
}

_VALUE_TYPES = {"number_integer": "INTEGER", "boolean": "BOOLEAN", "json": "JSON_STRING"}
_CAPABILITIES = (
    "analyticsQueryable",
    "cartToOrderCopyable",
    "smartCollectionCondition",
    "uniqueValues",
)


def resolved(shop: Shop, namespace: str | None) -> str:
    """Write an app's own namespace as it is stored."""
    own = f"app--{shop.app_id}"
    if namespace is None or namespace == "$app":
        return own
    return namespace.replace("$app:", f"{own}--", 1) if namespace.startswith("$app:") else namespace


def metafield_fields(shop: Shop, owner: str) -> Fields:
    """Give the two fields by which an owner shows its metafields."""

    def one(_info: Info, key: str, namespace: str | None = None) -> Fields | None:
        if namespace is None and "." in key:
            namespace, _, key = key.partition(".")
        found = shop.metafields.get((owner, resolved(shop, namespace), key))
        return None if found is None else metafield_node(shop, found)

    def several(
        _info: Info,
        namespace: str | None = None,
        keys: list[str] | None = None,
        **paging: Any,
    ) -> Fields:
        found = [
            metafield_node(shop, metafield)
            for metafield in shop.metafields.values()
            if metafield.owner == owner
            and (namespace is None or metafield.namespace == resolved(shop, namespace))
            and (keys is None or f"{metafield.namespace}.{metafield.key}" in keys)
        ]
        return page(found, **paging)

    return {"metafield": one, "metafields": several}


def metafield_node(shop: Shop, metafield: Metafield) -> Fields:
    kind = metafield.owner.split("/")[3]
    definition = shop.definitions.get(
        (OWNER_TYPES.get(kind, ""), metafield.namespace, metafield.key)
    )
    return {
        "__typename": "Metafield",
        "id": gid("Metafield", metafield.id),
        "legacyResourceId": metafield.id,
        "namespace": metafield.namespace,
        "key": metafield.key,
        "type": metafield.type,
        "value": metafield.value,
        "jsonValue": _json_value(metafield),
        "compareDigest": digest(metafield),
        "sizeInBytes": len(metafield.value.encode()),
        "ownerType": OWNER_TYPES.get(kind, ""),
        "createdAt": metafield.created_at,
        "updatedAt": metafield.updated_at,
        "definition": None if definition is None else definition_node(definition),
    }


def digest(metafield: Metafield) -> str:
    """Give what stands for a metafield's present value."""
    return hashlib.sha256(f"{metafield.type}\n{metafield.value}".encode()).hexdigest()


def _json_value(metafield: Metafield) -> object:
    if metafield.type in ("single_line_text_field", "multi_line_text_field", "url", "date", "id"):
        return metafield.value
    try:
        parsed: object = json.loads(metafield.value)
    except ValueError:
        return metafield.value
    return parsed


def definition_node(definition: MetafieldDefinition) -> Fields:
    return {
        "__typename": "MetafieldDefinition",
        "id": gid("MetafieldDefinition", definition.id),
        "name": definition.name,
        "namespace": definition.namespace,
        "key": definition.key,
        "ownerType": definition.owner_type,
        "description": definition.description,
        "type": {
            "name": definition.type,
            "category": "OTHER",
            "supportedValidations": [],
            "supportsDefinitionMigrations": False,
            "valueType": _VALUE_TYPES.get(definition.type, "STRING"),
        },
        "access": {
            "admin": definition.access.get("admin") or "PUBLIC_READ_WRITE",
            "storefront": definition.access.get("storefront") or "NONE",
            "customerAccount": definition.access.get("customerAccount") or "NONE",
        },
        "capabilities": {
            **{name: {"eligible": False, "enabled": False} for name in _CAPABILITIES},
            "adminFilterable": {"eligible": True, "enabled": False, "status": "NOT_FILTERABLE"},
        },
        "validations": [],
        "pinnedPosition": None,
        "metafieldsCount": 0,
        "validationStatus": "ALL_VALID",
    }
