-- name: find_merchant
-- A merchant by id.
SELECT merchant_id, slug, name, timezone, currency, storefront_url FROM merchants WHERE merchant_id = $1;

-- name: get_merchant_created_at
-- Since when there is this merchant.
-- global: the merchant's own row
SELECT created_at FROM merchants WHERE merchant_id = $1;

-- name: list_offers
-- Everything a merchant offers, as documents; `archived_at` marks what is only history.
SELECT 'point_type' AS what, id, definition, created_at, updated_at, NULL::timestamptz
    AS archived_at
FROM point_types WHERE merchant_id = $1
UNION ALL
SELECT 'program', id, definition, created_at, updated_at, NULL FROM programs WHERE merchant_id = $1
UNION ALL
SELECT 'tier', id, definition, created_at, updated_at, archived_at FROM tiers
WHERE merchant_id = $1
UNION ALL
SELECT 'reward', id, definition, created_at, updated_at, archived_at FROM rewards
WHERE merchant_id = $1
UNION ALL
SELECT 'rule', id, definition, created_at, updated_at, archived_at FROM earning_rules
WHERE merchant_id = $1;
