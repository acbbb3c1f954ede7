-- name: insert_order_payments
-- Add the payments of one batch.
INSERT INTO order_payments (merchant_id, id, program_id, member_id, wallet_id, entry_id, order_key,
    points, amount_minor, exchange_ratio, cap_kind, cap_unit, cap_value, points_max,
    amount_max_minor, created_at)
SELECT $1, n.id, n.program_id, n.member_id, n.wallet_id, n.entry_id, n.order_key, n.points,
       n.amount_minor, n.exchange_ratio, n.cap_kind, n.cap_unit, n.cap_value, n.points_max,
       n.amount_max_minor, $2::timestamptz
FROM unnest($3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::text[],
        $9::bigint[], $10::bigint[], $11::text[], $12::text[], $13::text[], $14::bigint[],
        $15::bigint[], $16::bigint[])
    AS n (id, program_id, member_id, wallet_id, entry_id, order_key, points, amount_minor,
        exchange_ratio, cap_kind, cap_unit, cap_value, points_max, amount_max_minor);

-- name: sum_paid
-- What members paid of orders so far, in minor units.
SELECT p.member_id, p.order_key, sum(p.amount_minor)::bigint AS amount_minor
FROM order_payments p
WHERE p.merchant_id = $1 AND p.order_key = ANY ($3::text[]) AND p.member_id = ANY ($2::bigint[])
GROUP BY p.member_id, p.order_key;

-- name: list_payments_rising
-- A page of a member's payments in the order in which they were made. $3 and $4 are ids between
-- which to look; conditions on ids and times must both hold or, with $5, one of them.
SELECT id, program_id, member_id, wallet_id, entry_id, order_key, points, amount_minor,
       exchange_ratio, cap_kind, cap_unit, cap_value, points_max, amount_max_minor, created_at
FROM order_payments
WHERE merchant_id = $1 AND member_id = $2 AND id > $3::bigint AND id < $4::bigint
  AND CASE WHEN $5::boolean
      THEN (($6::bigint[] IS NULL OR id = ANY ($6)) AND id <> ALL ($7::bigint[]))
          OR (created_at >= $8::timestamptz AND created_at < $9::timestamptz)
      ELSE ($6::bigint[] IS NULL OR id = ANY ($6)) AND id <> ALL ($7::bigint[])
          AND created_at >= $8::timestamptz AND created_at < $9::timestamptz END
ORDER BY merchant_id, member_id, id
LIMIT $10;

-- name: list_payments_falling
-- A page of a member's payments, the latest first.
SELECT id, program_id, member_id, wallet_id, entry_id, order_key, points, amount_minor,
       exchange_ratio, cap_kind, cap_unit, cap_value, points_max, amount_max_minor, created_at
FROM order_payments
WHERE merchant_id = $1 AND member_id = $2 AND id > $3::bigint AND id < $4::bigint
  AND CASE WHEN $5::boolean
      THEN (($6::bigint[] IS NULL OR id = ANY ($6)) AND id <> ALL ($7::bigint[]))
          OR (created_at >= $8::timestamptz AND created_at < $9::timestamptz)
      ELSE ($6::bigint[] IS NULL OR id = ANY ($6)) AND id <> ALL ($7::bigint[])
          AND created_at >= $8::timestamptz AND created_at < $9::timestamptz END
ORDER BY merchant_id DESC, member_id DESC, id DESC
LIMIT $10;

-- name: list_payments_by_entry
-- The payments that these entries were the debit of.
SELECT id, program_id, member_id, wallet_id, entry_id, order_key, points, amount_minor,
       exchange_ratio, cap_kind, cap_unit, cap_value, points_max, amount_max_minor, created_at
FROM order_payments
WHERE merchant_id = $1 AND member_id = $2 AND entry_id = ANY ($3::bigint[])
ORDER BY id;
