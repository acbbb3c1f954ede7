-- What a member bought, as pages, whatever came of it; what a tier gave for nothing was not bought.
-- $3 and $4 are ids between which to look, both left out. Conditions on ids, times, rewards and
-- wallets must all hold or, with $5, one of those that there are.

-- name: list_purchases_rising
-- Purchases in the order in which they were made.
SELECT r.id, r.program_id, r.member_id, r.wallet_id, r.reward_id, r.reward_version_id, r.status,
       r.units, r.units_refunded, r.units_returned, r.points_cost, r.points_refunded, r.lot_ids,
       r.lot_points, r.entry_id, r.code, r.fulfilment, r.is_grant, r.reason, r.context,
       r.expires_at, r.auto_refund_at, r.used_at, r.fulfilled_at, r.refunded_at, r.created_at,
       r.updated_at
FROM redemptions r
WHERE r.merchant_id = $1 AND r.member_id = $2 AND r.id > $3::bigint AND r.id < $4::bigint
  AND NOT r.is_grant
  AND CASE WHEN $5::boolean
      THEN ($6::boolean AND ($7::bigint[] IS NULL OR r.id = ANY ($7)) AND r.id <> ALL ($8::bigint[]))
          OR ($9::boolean AND r.created_at >= $10::timestamptz AND r.created_at < $11::timestamptz)
          OR ($12::boolean AND r.reward_id = ANY ($13::bigint[]))
          OR ($14::boolean AND r.wallet_id = ANY ($15::bigint[]))
      ELSE ($7::bigint[] IS NULL OR r.id = ANY ($7)) AND r.id <> ALL ($8::bigint[])
          AND r.created_at >= $10::timestamptz AND r.created_at < $11::timestamptz
          AND (NOT $12::boolean OR r.reward_id = ANY ($13::bigint[]))
          AND (NOT $14::boolean OR r.wallet_id = ANY ($15::bigint[])) END
ORDER BY r.merchant_id, r.member_id, r.id
LIMIT $16;

-- name: list_purchases_falling
-- Purchases, the latest first.
SELECT r.id, r.program_id, r.member_id, r.wallet_id, r.reward_id, r.reward_version_id, r.status,
       r.units, r.units_refunded, r.units_returned, r.points_cost, r.points_refunded, r.lot_ids,
       r.lot_points, r.entry_id, r.code, r.fulfilment, r.is_grant, r.reason, r.context,
       r.expires_at, r.auto_refund_at, r.used_at, r.fulfilled_at, r.refunded_at, r.created_at,
       r.updated_at
FROM redemptions r
WHERE r.merchant_id = $1 AND r.member_id = $2 AND r.id > $3::bigint AND r.id < $4::bigint
  AND NOT r.is_grant
  AND CASE WHEN $5::boolean
      THEN ($6::boolean AND ($7::bigint[] IS NULL OR r.id = ANY ($7)) AND r.id <> ALL ($8::bigint[]))
          OR ($9::boolean AND r.created_at >= $10::timestamptz AND r.created_at < $11::timestamptz)
          OR ($12::boolean AND r.reward_id = ANY ($13::bigint[]))
          OR ($14::boolean AND r.wallet_id = ANY ($15::bigint[]))
      ELSE ($7::bigint[] IS NULL OR r.id = ANY ($7)) AND r.id <> ALL ($8::bigint[])
          AND r.created_at >= $10::timestamptz AND r.created_at < $11::timestamptz
          AND (NOT $12::boolean OR r.reward_id = ANY ($13::bigint[]))
          AND (NOT $14::boolean OR r.wallet_id = ANY ($15::bigint[])) END
ORDER BY r.merchant_id DESC, r.member_id DESC, r.id DESC
LIMIT $16;

-- name: find_refund
-- The entry of a refund, and what it gave points back for.
SELECT e.id, e.redemption_id, e.points, e.created_at
FROM entries e
WHERE e.merchant_id = $1 AND e.id = $2 AND e.kind = 'refunded';

-- name: find_last_refund
-- The last entry by which a redemption was given back.
SELECT e.id, e.redemption_id, e.points, e.created_at
FROM entries e
WHERE e.merchant_id = $1 AND e.wallet_id = $2 AND e.redemption_id = $3 AND e.kind = 'refunded'
  AND e.id > $3
ORDER BY e.merchant_id DESC, e.wallet_id DESC, e.id DESC
LIMIT 1;
