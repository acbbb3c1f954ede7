-- name: find_synced_version
-- The version of the offers that the merchant's shop was last shown.
SELECT catalogue_version FROM shop_syncs WHERE merchant_id = $1;

-- name: put_synced_version
-- Note what the shop was shown; a later version that another worker showed stays noted.
INSERT INTO shop_syncs (merchant_id, catalogue_version, updated_at)
VALUES ($1, $2, $3::timestamptz)
ON CONFLICT (merchant_id) DO UPDATE
SET catalogue_version = greatest(shop_syncs.catalogue_version, excluded.catalogue_version),
    updated_at = excluded.updated_at;
