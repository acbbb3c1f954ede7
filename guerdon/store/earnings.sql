-- name: insert_earnings
-- Add earnings.
INSERT INTO earnings (merchant_id, id, program_id, member_id, wallet_id, rule_id, lot_id, action,
    status, base_points, multiplier_permille, points, points_reversed, order_id, order_number,
    ordered_at, once_key, action_key, is_manual, note, metadata, due_at, given_at, expires_at,
    created_at, updated_at)
SELECT $1, e.id, e.program_id, e.member_id, e.wallet_id, e.rule_id, e.lot_id, e.action, e.status,
       e.base_points, e.multiplier_permille, e.points, e.points_reversed, e.order_id,
       e.order_number, e.ordered_at, e.once_key, e.action_key, e.is_manual, e.note, e.metadata,
       e.due_at, e.given_at, e.expires_at, $2::timestamptz, $2::timestamptz
FROM unnest($3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[],
    $9::text[], $10::text[], $11::bigint[], $12::integer[], $13::bigint[], $14::bigint[],
    $15::text[], $16::text[], $17::timestamptz[], $18::text[], $19::text[], $20::boolean[],
    $21::text[], $22::text[], $23::timestamptz[], $24::timestamptz[], $25::timestamptz[])
    AS e (id, program_id, member_id, wallet_id, rule_id, lot_id, action, status, base_points,
        multiplier_permille, points, points_reversed, order_id, order_number, ordered_at, once_key, action_key,
        is_manual, note, metadata, due_at, given_at, expires_at);

-- name: update_earnings
-- Record that earnings were approved or rejected, or that some of them was taken back.
UPDATE earnings e
SET status = c.status, points = c.points, points_reversed = c.points_reversed, lot_id = c.lot_id, once_key = c.once_key, note = c.note,
    given_at = c.given_at, expires_at = c.expires_at, updated_at = $2::timestamptz
FROM unnest($3::bigint[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::text[],
    $9::text[], $10::timestamptz[], $11::timestamptz[])
    AS c (id, status, points, points_reversed, lot_id, once_key, note, given_at, expires_at)
WHERE e.merchant_id = $1 AND e.id = c.id;

-- name: list_earning_members
-- Whose these earnings are; it never changes, so it may be read before the lock.
SELECT member_id
FROM earnings
WHERE merchant_id = $1 AND id = ANY ($2::bigint[]);

-- name: list_earnings
-- Earnings by id, and the first ones made under these completion keys of these rules. Two halves,
-- since no index serves one condition or the other.
SELECT id, program_id, member_id, wallet_id, rule_id, lot_id, action, status, base_points,
       multiplier_permille, points, points_reversed, order_id, order_number, ordered_at, once_key,
       action_key, is_manual, note, metadata, due_at, given_at, expires_at, created_at, updated_at
FROM earnings
WHERE merchant_id = $1 AND id = ANY ($2::bigint[])
UNION ALL
SELECT e.id, e.program_id, e.member_id, e.wallet_id, e.rule_id, e.lot_id, e.action, e.status,
       e.base_points, e.multiplier_permille, e.points, e.points_reversed, e.order_id,
       e.order_number, e.ordered_at, e.once_key, e.action_key, e.is_manual, e.note, e.metadata,
       e.due_at, e.given_at, e.expires_at, e.created_at, e.updated_at
FROM unnest($3::bigint[], $4::text[]) AS wanted (rule_id, action_key)
JOIN earnings e ON e.rule_id = wanted.rule_id AND e.action_key = wanted.action_key
WHERE e.merchant_id = $1;

-- name: list_awarded
-- Which of these rules these members already have, whether or not they were once-only then.
SELECT member_id, rule_id, id
FROM earnings
WHERE merchant_id = $1 AND member_id = ANY ($2::bigint[]) AND rule_id = ANY ($3::bigint[])
  AND status <> 'rejected';

-- name: list_due_earnings
-- Pending earnings whose approval is due, a few at a time.
SELECT id
FROM earnings
WHERE merchant_id = $1 AND status = 'pending' AND due_at <= $2::timestamptz
ORDER BY due_at
LIMIT $3;

-- name: list_last_orders
-- When members last ordered anything that earned points, whatever became of these.
SELECT member_id, max(coalesce(ordered_at, created_at))
FROM earnings
WHERE merchant_id = $1 AND member_id = ANY ($2::bigint[]) AND order_id IS NOT NULL
GROUP BY member_id;
