-- name: list_merchants_with_queued
-- Merchants that have redemptions waiting for a worker since an instant.
-- global: the worker looks where there is anything to do before it goes there
SELECT DISTINCT merchant_id
FROM redemptions
WHERE status = 'pending' AND fulfilment = 'queued' AND created_at <= $1::timestamptz;

-- name: list_merchants_with_fulfilments_due
-- Merchants that have something to be handed over, or taken back, that nobody has in hand.
-- global: the worker looks where there is anything to do before it goes there
SELECT DISTINCT merchant_id
FROM fulfilments
WHERE is_open AND next_at <= $1::timestamptz
  AND (leased_until IS NULL OR leased_until <= $1::timestamptz);

-- name: list_queued_redemptions
-- Redemptions that wait for a worker since an instant, the longest waiting first.
SELECT id, program_id, member_id, wallet_id, reward_id, reward_version_id, status, units,
       units_refunded, units_returned, points_cost, points_refunded, lot_ids, lot_points,
       entry_id, code, fulfilment, is_grant, reason, context, expires_at, auto_refund_at, used_at,
       fulfilled_at, refunded_at, created_at, updated_at
FROM redemptions
WHERE merchant_id = $1 AND status = 'pending' AND fulfilment = 'queued'
  AND created_at <= $2::timestamptz
ORDER BY merchant_id, created_at
LIMIT $3;

-- name: hand_to_platforms
-- Leave queued redemptions to who asks platforms. What a rival has in hand is passed over.
WITH waiting AS (
    SELECT id
    FROM redemptions
    WHERE merchant_id = $1 AND id = ANY ($2::bigint[]) AND status = 'pending'
      AND fulfilment = 'queued'
    ORDER BY id
    FOR UPDATE SKIP LOCKED
), handed AS (
    UPDATE redemptions r
    SET fulfilment = 'open', updated_at = $3::timestamptz
    FROM waiting
    WHERE r.merchant_id = $1 AND r.id = waiting.id
    RETURNING r.id
)
INSERT INTO fulfilments (merchant_id, redemption_id, attempts, next_at, is_open, created_at,
    updated_at)
SELECT $1, handed.id, 0, $3::timestamptz, true, $3::timestamptz, $3::timestamptz
FROM handed
ON CONFLICT (merchant_id, redemption_id) DO NOTHING;
