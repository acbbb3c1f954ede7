-- name: insert_redemptions
-- Add redemptions; draws and codes come joined.
INSERT INTO redemptions (merchant_id, id, program_id, member_id, wallet_id, reward_id,
    reward_version_id, status, units, units_refunded, units_returned, points_cost,
    points_refunded, lot_ids, lot_points, entry_id, code, fulfilment, is_grant, reason, context,
    expires_at, auto_refund_at, used_at, fulfilled_at, refunded_at, created_at, updated_at)
SELECT $1, r.id, r.program_id, r.member_id, r.wallet_id, r.reward_id, r.reward_version_id, r.status,
       r.units, r.units_refunded, r.units_returned, r.points_cost, r.points_refunded,
       r.lot_ids::bigint[], r.lot_points::bigint[], r.entry_id, r.code, r.fulfilment, r.is_grant,
       r.reason, r.context::json, r.expires_at, r.auto_refund_at, r.used_at, r.fulfilled_at,
       r.refunded_at, $2::timestamptz, $2::timestamptz
FROM unnest($3::text::bigint[], $4::text::bigint[], $5::text::bigint[], $6::text::bigint[], $7::text::bigint[], $8::text::bigint[],
    $9::text::text[], $10::text::integer[], $11::text::integer[], $12::text::integer[], $13::text::bigint[], $14::text::bigint[],
    string_to_array($15::text, E'\x1f'), string_to_array($16::text, E'\x1f'), $17::text::bigint[], string_to_array($18::text, E'\x1f', ''), $19::text::text[], $20::text::boolean[],
    $21::text[], $22::text::timestamptz[], $23::text::timestamptz[], $24::text::timestamptz[], $25::text::timestamptz[],
    $26::text::timestamptz[], $27::text[])
    AS r (id, program_id, member_id, wallet_id, reward_id, reward_version_id, status, units,
        units_refunded, units_returned, points_cost, points_refunded, lot_ids, lot_points,
        entry_id, code, fulfilment, is_grant, reason, expires_at, auto_refund_at, used_at,
        refunded_at, fulfilled_at, context);

-- name: update_redemptions
-- Record how redemptions went on.
UPDATE redemptions r
SET status = c.status, units_refunded = c.units_refunded, units_returned = c.units_returned,
    points_refunded = c.points_refunded, code = c.code, fulfilment = c.fulfilment,
    reason = c.reason, used_at = c.used_at, fulfilled_at = c.fulfilled_at,
    refunded_at = c.refunded_at, context = coalesce(c.context::json, r.context),
    updated_at = $2::timestamptz
FROM unnest($3::text::bigint[], $4::text::text[], $5::text::integer[], $6::text::integer[], $7::text::bigint[], $8::text[],
    $9::text::text[], $10::text[], $11::text::timestamptz[], $12::text::timestamptz[],
    $13::text::timestamptz[], $14::text[])
    AS c (id, status, units_refunded, units_returned, points_refunded, code, fulfilment, reason,
        used_at, refunded_at, fulfilled_at, context)
WHERE r.merchant_id = $1 AND r.id = c.id;

-- name: list_redemption_owners
-- Whose these redemptions are, and of what; it never changes, so it may be read before the lock.
SELECT member_id, reward_id
FROM redemptions
WHERE merchant_id = $1 AND id = ANY ($2::bigint[]);

-- name: list_redemptions
-- Redemptions by id.
SELECT id, program_id, member_id, wallet_id, reward_id, reward_version_id, status, units,
       units_refunded, units_returned, points_cost, points_refunded, lot_ids, lot_points,
       entry_id, code, fulfilment, is_grant, reason, context, expires_at, auto_refund_at, used_at,
       fulfilled_at, refunded_at, created_at, updated_at
FROM redemptions
WHERE merchant_id = $1 AND id = ANY ($2::bigint[]);

-- name: count_taken_by_member
-- How often members took rewards since the start of each reward's interval.
SELECT r.member_id, r.reward_id, count(*)
FROM unnest($2::bigint[], $3::bigint[], $4::timestamptz[]) AS wanted (member_id, reward_id, since)
JOIN redemptions r ON r.member_id = wanted.member_id AND r.reward_id = wanted.reward_id
WHERE r.merchant_id = $1 AND r.created_at >= wanted.since
  AND r.status NOT IN ('declined', 'void') AND NOT r.is_grant
GROUP BY r.member_id, r.reward_id;

-- name: list_taken_times
-- When members took rewards, since an instant.
SELECT r.member_id, r.reward_id, r.created_at
FROM unnest($2::bigint[], $3::bigint[], $4::timestamptz[]) AS wanted (member_id, reward_id, since)
JOIN redemptions r ON r.member_id = wanted.member_id AND r.reward_id = wanted.reward_id
WHERE r.merchant_id = $1 AND r.created_at >= wanted.since
  AND r.status NOT IN ('declined', 'void') AND NOT r.is_grant;

-- name: count_taken_in_session
-- How often rewards were taken in carts or checkouts, by the session's token.
SELECT wanted.reward_id, wanted.token, count(*)
FROM unnest($2::bigint[], $3::text[]) AS wanted (reward_id, token)
JOIN redemptions r ON r.reward_id = wanted.reward_id
    AND r.context #>> '{session,token}' = wanted.token
WHERE r.merchant_id = $1 AND r.context IS NOT NULL AND r.status NOT IN ('declined', 'void')
GROUP BY wanted.reward_id, wanted.token;

-- name: list_granted
-- Which rewards these members were granted by entering a tier.
SELECT member_id, reward_id
FROM redemptions
WHERE merchant_id = $1 AND member_id = ANY ($2::bigint[]) AND is_grant;

-- name: list_due_redemptions
-- Approved redemptions whose time is over, a few at a time, and that do not go back before.
SELECT id
FROM redemptions
WHERE merchant_id = $1 AND status = 'approved' AND expires_at <= $2::timestamptz
  AND (auto_refund_at IS NULL OR auto_refund_at > expires_at OR fulfilled_at IS NOT NULL
    OR used_at IS NOT NULL)
ORDER BY expires_at
LIMIT $3;

-- name: list_due_auto_refunds
-- Approved redemptions that go back by themselves now, a few at a time. What has been handed over,
-- used once, or has expired before, does not.
SELECT id
FROM redemptions
WHERE merchant_id = $1 AND status = 'approved' AND auto_refund_at <= $2::timestamptz
  AND fulfilled_at IS NULL AND used_at IS NULL
  AND (expires_at IS NULL OR auto_refund_at <= expires_at)
ORDER BY auto_refund_at
LIMIT $3;
