-- Everything of a merchant, a page at a time in the order of ids; never a secret.

-- name: export_merchant
-- The merchant itself.
-- global: the merchant's own row
SELECT merchant_id, slug, name, timezone, currency, storefront_url, created_at
FROM merchants
WHERE merchant_id = $1 AND merchant_id > $2
ORDER BY merchant_id
LIMIT $3;

-- name: export_programs
-- Programs.
SELECT id, slug, definition, created_at, updated_at
FROM programs
WHERE merchant_id = $1 AND id > $2
ORDER BY id
LIMIT $3;

-- name: export_point_types
-- Point types.
SELECT id, slug, definition, created_at, updated_at
FROM point_types
WHERE merchant_id = $1 AND id > $2
ORDER BY id
LIMIT $3;

-- name: export_tiers
-- Tiers, archived ones too.
SELECT id, program_id, slug, definition, created_at, updated_at, archived_at
FROM tiers
WHERE merchant_id = $1 AND id > $2
ORDER BY id
LIMIT $3;

-- name: export_rewards
-- Rewards, archived ones too.
SELECT id, program_id, slug, version_id, definition, created_at, updated_at, archived_at
FROM rewards
WHERE merchant_id = $1 AND id > $2
ORDER BY id
LIMIT $3;

-- name: export_reward_versions
-- Rewards as they stood when they were redeemed.
SELECT id, reward_id, definition, created_at
FROM reward_versions
WHERE merchant_id = $1 AND id > $2
ORDER BY id
LIMIT $3;

-- name: export_reward_counters
-- What was taken of each reward.
SELECT reward_id, redemptions_live, units_live, units_max, redemptions_max
FROM reward_counters
WHERE merchant_id = $1 AND reward_id > $2
ORDER BY reward_id
LIMIT $3;

-- name: export_earning_rules
-- Earning rules, archived ones too.
SELECT id, program_id, slug, definition, created_at, updated_at, archived_at
FROM earning_rules
WHERE merchant_id = $1 AND id > $2
ORDER BY id
LIMIT $3;

-- name: export_templates
-- Rewards and earning rules that stand for themselves, deleted ones too.
SELECT id, kind, name, status, definition, created_at, updated_at
FROM templates
WHERE merchant_id = $1 AND id > $2
ORDER BY id
LIMIT $3;

-- name: export_members
-- Members.
SELECT id, program_id, external_id, email, first_name, last_name, birthday, anniversary,
       referral_code, metadata, created_at, updated_at, left_at
FROM members
WHERE merchant_id = $1 AND id > $2
ORDER BY id
LIMIT $3;

-- name: export_wallets
-- Wallets.
SELECT id, member_id, program_id, point_type_id, is_default, is_frozen, tier_id, points_available,
       points_held, points_pending, points_lifetime, points_redeemed, points_owed, code,
       created_at, updated_at
FROM wallets
WHERE merchant_id = $1 AND id > $2
ORDER BY id
LIMIT $3;

-- name: export_lots
-- Lots.
SELECT id, wallet_id, points, points_remaining, is_open, effective_at, expires_at
FROM lots
WHERE merchant_id = $1 AND id > $2
ORDER BY id
LIMIT $3;

-- name: export_entries
-- Ledger entries.
SELECT id, wallet_id, kind, points, points_after, lifetime_points, asked_points, lot_ids,
       lot_points, redemption_id, earning_id, note, pending_points, owed_points, created_at
FROM entries
WHERE merchant_id = $1 AND id > $2
ORDER BY id
LIMIT $3;

-- name: export_redemptions
-- Redemptions.
SELECT id, program_id, member_id, wallet_id, reward_id, reward_version_id, status, units,
       units_refunded, units_returned, points_cost, points_refunded, lot_ids, lot_points,
       entry_id, code, fulfilment, is_grant, reason, context, expires_at, auto_refund_at, used_at,
       fulfilled_at, refunded_at, created_at, updated_at
FROM redemptions
WHERE merchant_id = $1 AND id > $2
ORDER BY id
LIMIT $3;

-- name: export_earnings
-- Earnings.
SELECT id, program_id, member_id, wallet_id, rule_id, lot_id, action, status, base_points,
       multiplier_permille, points, points_reversed, order_id, order_number, ordered_at, once_key,
       action_key, is_manual, note, metadata, due_at, given_at, expires_at, created_at, updated_at
FROM earnings
WHERE merchant_id = $1 AND id > $2
ORDER BY id
LIMIT $3;

-- name: export_events
-- Events.
SELECT id, kind, program_id, member_id, redemption_id, earning_id, facts, created_at
FROM events
WHERE merchant_id = $1 AND id > $2
ORDER BY id
LIMIT $3;

-- name: export_webhook_subscriptions
-- Webhook subscriptions, without their secrets.
SELECT id, program_id, dialect, url, events, description, is_active, is_managed, created_at,
       updated_at
FROM webhook_subscriptions
WHERE merchant_id = $1 AND id > $2
ORDER BY id
LIMIT $3;

-- name: export_email_unsubscribes
-- Addresses that want no e-mails of a program.
SELECT id, program_id, email, created_at
FROM email_unsubscribes
WHERE merchant_id = $1 AND id > $2
ORDER BY id
LIMIT $3;

-- name: export_customers
-- Customers of whom something was stated.
SELECT id, external_id, email, name, phone, description, document, metadata, created_at, updated_at
FROM customers
WHERE merchant_id = $1 AND id > $2
ORDER BY id
LIMIT $3;

-- name: export_refused_adjustments
-- Deductions that a wallet could not bear.
SELECT id, wallet_id, member_id, points, reason, note, created_at
FROM refused_adjustments
WHERE merchant_id = $1 AND id > $2
ORDER BY id
LIMIT $3;

-- name: export_order_payments
-- Points that paid for orders.
SELECT id, program_id, member_id, wallet_id, entry_id, order_key, points, amount_minor,
       exchange_ratio, cap_kind, cap_unit, cap_value, points_max, amount_max_minor, created_at
FROM order_payments
WHERE merchant_id = $1 AND id > $2
ORDER BY id
LIMIT $3;

-- name: export_orders
-- Orders that were stated by a call.
SELECT id, program_id, order_key, member_id, external_id, email, is_guest, document, metadata,
       created_at, updated_at
FROM orders
WHERE merchant_id = $1 AND id > $2
ORDER BY id
LIMIT $3;
