-- name: lock_wallets
-- Lock all wallets of the members that a batch names, in key order.
-- Materialized: of a wallet that a rival changed meanwhile, the server joins the new version to the
-- very row that named it, which it cannot find again in a union that was pulled up.
WITH named AS MATERIALIZED (
    SELECT wanted.id, NULL::text AS external_id, NULL::text AS email
    FROM unnest($2::text::bigint[]) AS wanted (id)
    UNION ALL
    SELECT m.id, m.external_id, NULL
    FROM unnest($3::text::bigint[], $4::text[]) AS wanted (program_id, external_id)
    JOIN members m ON m.program_id = wanted.program_id AND m.external_id = wanted.external_id
    WHERE m.merchant_id = $1
    UNION ALL
    SELECT m.id, NULL, m.email
    FROM unnest($5::text::bigint[], $6::text[]) AS wanted (program_id, email)
    JOIN members m ON m.program_id = wanted.program_id AND m.email = wanted.email
    WHERE m.merchant_id = $1
)
SELECT w.id, w.member_id, w.program_id, w.point_type_id, w.is_default, w.is_frozen, w.tier_id,
       w.points_available, w.points_held, w.points_pending, w.points_lifetime, w.points_redeemed,
       named.external_id, named.email, w.points_owed, w.code
FROM named
JOIN wallets w ON w.member_id = named.id
WHERE w.merchant_id = $1
ORDER BY w.member_id, w.id
FOR NO KEY UPDATE OF w;

-- name: insert_wallets
-- Add wallets, with the figures they end the batch with.
INSERT INTO wallets (merchant_id, id, member_id, program_id, point_type_id, is_default, is_frozen,
    tier_id, points_available, points_held, points_pending, points_lifetime, points_redeemed,
    batch, code, created_at, updated_at)
SELECT $1, w.id, w.member_id, w.program_id, w.point_type_id, w.is_default, w.is_frozen, w.tier_id,
       w.points_available, w.points_held, w.points_pending, w.points_lifetime, w.points_redeemed,
       $15::bigint, w.code, $2::timestamptz, $2::timestamptz
FROM unnest($3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::boolean[], $8::boolean[],
    $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[],
    $16::text[])
    AS w (id, member_id, program_id, point_type_id, is_default, is_frozen, tier_id,
        points_available, points_held, points_pending, points_lifetime, points_redeemed,
        code);

-- name: sum_spent
-- What was spent out of these wallets since an instant, less what of that was given back.
SELECT e.wallet_id, sum(-e.points - coalesce(r.points_refunded, 0))::bigint AS points
FROM unnest($2::bigint[], $3::timestamptz[]) AS wanted (wallet_id, since)
JOIN entries e ON e.wallet_id = wanted.wallet_id AND e.created_at >= wanted.since
    AND e.kind IN ('redeemed', 'paid')
LEFT JOIN redemptions r ON r.merchant_id = $1 AND r.id = e.redemption_id
WHERE e.merchant_id = $1
GROUP BY e.wallet_id;

-- name: list_last_acts
-- When the last entry of certain kinds was made in each of these wallets.
SELECT e.wallet_id, max(e.created_at) AS last_at
FROM unnest($2::bigint[], $3::text[]) AS wanted (wallet_id, kind)
JOIN entries e ON e.wallet_id = wanted.wallet_id AND e.kind = wanted.kind
WHERE e.merchant_id = $1
GROUP BY e.wallet_id;

-- name: list_members_lacking
-- Members of a program, after an id, who have no wallet of one of these point types.
SELECT m.id, m.external_id
FROM members m
WHERE m.merchant_id = $1 AND m.program_id = $2 AND m.id > $4 AND m.left_at IS NULL
  AND (
      SELECT count(*) FROM wallets w
      WHERE w.merchant_id = $1 AND w.member_id = m.id AND w.point_type_id = ANY ($3::bigint[])
  ) < cardinality($3::bigint[])
ORDER BY m.merchant_id, m.id
LIMIT $5;
