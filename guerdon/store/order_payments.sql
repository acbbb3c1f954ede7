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

-- name: list_payments_of_member
-- A page of a member's payments, by id.
SELECT id, program_id, member_id, wallet_id, entry_id, order_key, points, amount_minor,
       exchange_ratio, cap_kind, cap_unit, cap_value, points_max, amount_max_minor, created_at
FROM order_payments
WHERE merchant_id = $1 AND member_id = $2 AND id > $3 AND id < $4
  AND ($5::bigint[] IS NULL OR id = ANY ($5::bigint[]))
  AND ($6::timestamptz IS NULL OR created_at > $6::timestamptz)
  AND ($7::timestamptz IS NULL OR created_at < $7::timestamptz)
ORDER BY CASE WHEN $8 THEN -id ELSE id END
LIMIT $9;

-- name: list_payments_by_entry
-- The payments that these entries were the debit of.
SELECT id, program_id, member_id, wallet_id, entry_id, order_key, points, amount_minor,
       exchange_ratio, cap_kind, cap_unit, cap_value, points_max, amount_max_minor, created_at
FROM order_payments
WHERE merchant_id = $1 AND member_id = $2 AND entry_id = ANY ($3::bigint[])
ORDER BY id;
