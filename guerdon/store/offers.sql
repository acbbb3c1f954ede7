-- name: insert_merchant
-- Add a merchant.
-- global: the merchant's own row
INSERT INTO merchants (merchant_id, slug, name, timezone, currency, storefront_url, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7::timestamptz);

-- name: update_merchant
-- Change what a merchant is called and counts in.
UPDATE merchants SET name = $2, timezone = $3, currency = $4, storefront_url = $5 WHERE merchant_id = $1;

-- name: find_merchant_by_slug
-- A merchant by its short name.
-- global: names are looked up before the merchant is known
SELECT merchant_id FROM merchants WHERE slug = $1;

-- name: list_merchants
-- All merchants.
-- global: the worker goes through them one by one
SELECT merchant_id, slug FROM merchants ORDER BY merchant_id;

-- name: get_next_merchant_id
-- A free merchant id; a rival that takes it too is refused by the primary key.
-- global: before there is a merchant
SELECT coalesce(max(merchant_id), 0) + 1 FROM merchants;

-- name: put_point_type
-- Add or change a point type.
INSERT INTO point_types (merchant_id, id, slug, definition, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5::timestamptz, $6::timestamptz)
ON CONFLICT (merchant_id, id) DO UPDATE
SET slug = excluded.slug, definition = excluded.definition, updated_at = excluded.updated_at;

-- name: put_program
-- Add or change a program.
INSERT INTO programs (merchant_id, id, slug, definition, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5::timestamptz, $6::timestamptz)
ON CONFLICT (merchant_id, id) DO UPDATE
SET slug = excluded.slug, definition = excluded.definition, updated_at = excluded.updated_at;

-- name: put_tier
-- Add, change or archive a tier.
INSERT INTO tiers (merchant_id, id, program_id, slug, definition, created_at, updated_at,
    archived_at)
VALUES ($1, $2, $3, $4, $5, $6::timestamptz, $7::timestamptz, $8::timestamptz)
ON CONFLICT (merchant_id, id) DO UPDATE
SET slug = excluded.slug, definition = excluded.definition, updated_at = excluded.updated_at,
    archived_at = excluded.archived_at;

-- name: list_archived_tiers
-- Tiers that are only history, for when one of them is named again.
SELECT definition FROM tiers WHERE merchant_id = $1 AND archived_at IS NOT NULL;

-- name: put_reward
-- Add, change or archive a reward.
INSERT INTO rewards (merchant_id, id, program_id, slug, version_id, definition, created_at,
    updated_at, archived_at)
VALUES ($1, $2, $3, $4, $5, $6, $7::timestamptz, $8::timestamptz, $9::timestamptz)
ON CONFLICT (merchant_id, id) DO UPDATE
SET slug = excluded.slug, version_id = excluded.version_id, definition = excluded.definition,
    updated_at = excluded.updated_at, archived_at = excluded.archived_at;

-- name: insert_reward_version
-- Keep a reward as it stands, for the redemptions that will point at it.
INSERT INTO reward_versions (merchant_id, id, reward_id, definition, created_at)
VALUES ($1, $2, $3, $4, $5::timestamptz);

-- name: put_reward_counter
-- Begin a reward's counter, or set its backstop; what was taken already is never above it.
INSERT INTO reward_counters (merchant_id, reward_id, redemptions_live, units_live, units_max,
    redemptions_max)
VALUES ($1, $2, 0, 0, $3::bigint, $4::bigint)
ON CONFLICT (merchant_id, reward_id) DO UPDATE
SET units_max = greatest(excluded.units_max, CASE WHEN excluded.units_max IS NULL THEN NULL
        ELSE reward_counters.units_live END),
    redemptions_max = greatest(excluded.redemptions_max,
        CASE WHEN excluded.redemptions_max IS NULL THEN NULL
        ELSE reward_counters.redemptions_live END);

-- name: put_rule
-- Add, change or archive an earning rule.
INSERT INTO earning_rules (merchant_id, id, program_id, slug, definition, created_at, updated_at,
    archived_at)
VALUES ($1, $2, $3, $4, $5, $6::timestamptz, $7::timestamptz, $8::timestamptz)
ON CONFLICT (merchant_id, id) DO UPDATE
SET slug = excluded.slug, definition = excluded.definition, updated_at = excluded.updated_at,
    archived_at = excluded.archived_at;

-- name: list_reward_versions
-- Rewards as they stood when they were redeemed.
SELECT definition FROM reward_versions WHERE merchant_id = $1 AND id = ANY ($2::bigint[]);

-- name: insert_pool_codes
-- Add codes to a reward's pool; a code that is there already, or was redeemed, is left out.
INSERT INTO pool_codes (merchant_id, id, reward_id, code, redemption_id, created_at)
SELECT $1, c.id, $2, c.code, NULL, $3::timestamptz
FROM unnest($4::bigint[], $5::text[]) AS c (id, code)
WHERE NOT EXISTS (
    SELECT 1 FROM redemptions r WHERE r.merchant_id = $1 AND r.code = c.code
)
ON CONFLICT (merchant_id, code) DO NOTHING;
