-- What happened on a wallet, as pages: its entries, but for those that undo a redemption before it
-- came to anything; its redemptions, under their own ids and whatever came of them; and deductions
-- that it could not bear. Ids are given out in the order of commits, so whoever goes on after the
-- last one they saw misses nothing and sees nothing twice. Each part stops at the page's end.
-- $4 and $5 are ids between which to look, both left out. Conditions on ids ($7, $8) and on times
-- ($9, $10) must both hold or, with $6, one of them.

-- name: list_card_transactions_rising
-- What happened, in the order in which it did.
(
    SELECT e.id, e.kind, e.points - e.owed_points AS points, e.pending_points, e.note,
           NULL::text AS reason, e.lot_ids, e.lot_points, e.redemption_id, e.earning_id,
           e.created_at
    FROM entries e
    WHERE e.merchant_id = $1 AND e.wallet_id = $2 AND e.id > $4::bigint AND e.id < $5::bigint
      AND e.kind NOT IN ('redeemed', 'released', 'repaid')
      AND (e.points <> e.owed_points OR e.pending_points <> 0)
      AND CASE WHEN $6::boolean
          THEN (($7::bigint[] IS NULL OR e.id = ANY ($7)) AND e.id <> ALL ($8::bigint[]))
              OR (e.created_at >= $9::timestamptz AND e.created_at < $10::timestamptz)
          ELSE ($7::bigint[] IS NULL OR e.id = ANY ($7)) AND e.id <> ALL ($8::bigint[])
              AND e.created_at >= $9::timestamptz AND e.created_at < $10::timestamptz END
    ORDER BY e.merchant_id, e.wallet_id, e.id
    LIMIT $11
)
UNION ALL
(
    SELECT r.id, 'redeemed', r.points_cost, 0, NULL, NULL, r.lot_ids, r.lot_points, r.id, NULL,
           r.created_at
    FROM redemptions r
    WHERE r.merchant_id = $1 AND r.member_id = $3 AND r.wallet_id = $2
      AND r.id > $4::bigint AND r.id < $5::bigint AND NOT r.is_grant
      AND CASE WHEN $6::boolean
          THEN (($7::bigint[] IS NULL OR r.id = ANY ($7)) AND r.id <> ALL ($8::bigint[]))
              OR (r.created_at >= $9::timestamptz AND r.created_at < $10::timestamptz)
          ELSE ($7::bigint[] IS NULL OR r.id = ANY ($7)) AND r.id <> ALL ($8::bigint[])
              AND r.created_at >= $9::timestamptz AND r.created_at < $10::timestamptz END
    ORDER BY r.merchant_id, r.member_id, r.id
    LIMIT $11
)
UNION ALL
(
    SELECT a.id, 'refused', a.points, 0, a.note, a.reason, '{}', '{}', NULL, NULL, a.created_at
    FROM refused_adjustments a
    WHERE a.merchant_id = $1 AND a.wallet_id = $2 AND a.id > $4::bigint AND a.id < $5::bigint
      AND CASE WHEN $6::boolean
          THEN (($7::bigint[] IS NULL OR a.id = ANY ($7)) AND a.id <> ALL ($8::bigint[]))
              OR (a.created_at >= $9::timestamptz AND a.created_at < $10::timestamptz)
          ELSE ($7::bigint[] IS NULL OR a.id = ANY ($7)) AND a.id <> ALL ($8::bigint[])
              AND a.created_at >= $9::timestamptz AND a.created_at < $10::timestamptz END
    ORDER BY a.merchant_id, a.wallet_id, a.id
    LIMIT $11
)
ORDER BY id
LIMIT $11;

-- name: list_card_transactions_falling
-- What happened, the latest first.
(
    SELECT e.id, e.kind, e.points - e.owed_points AS points, e.pending_points, e.note,
           NULL::text AS reason, e.lot_ids, e.lot_points, e.redemption_id, e.earning_id,
           e.created_at
    FROM entries e
    WHERE e.merchant_id = $1 AND e.wallet_id = $2 AND e.id > $4::bigint AND e.id < $5::bigint
      AND e.kind NOT IN ('redeemed', 'released', 'repaid')
      AND (e.points <> e.owed_points OR e.pending_points <> 0)
      AND CASE WHEN $6::boolean
          THEN (($7::bigint[] IS NULL OR e.id = ANY ($7)) AND e.id <> ALL ($8::bigint[]))
              OR (e.created_at >= $9::timestamptz AND e.created_at < $10::timestamptz)
          ELSE ($7::bigint[] IS NULL OR e.id = ANY ($7)) AND e.id <> ALL ($8::bigint[])
              AND e.created_at >= $9::timestamptz AND e.created_at < $10::timestamptz END
    ORDER BY e.merchant_id DESC, e.wallet_id DESC, e.id DESC
    LIMIT $11
)
UNION ALL
(
    SELECT r.id, 'redeemed', r.points_cost, 0, NULL, NULL, r.lot_ids, r.lot_points, r.id, NULL,
           r.created_at
    FROM redemptions r
    WHERE r.merchant_id = $1 AND r.member_id = $3 AND r.wallet_id = $2
      AND r.id > $4::bigint AND r.id < $5::bigint AND NOT r.is_grant
      AND CASE WHEN $6::boolean
          THEN (($7::bigint[] IS NULL OR r.id = ANY ($7)) AND r.id <> ALL ($8::bigint[]))
              OR (r.created_at >= $9::timestamptz AND r.created_at < $10::timestamptz)
          ELSE ($7::bigint[] IS NULL OR r.id = ANY ($7)) AND r.id <> ALL ($8::bigint[])
              AND r.created_at >= $9::timestamptz AND r.created_at < $10::timestamptz END
    ORDER BY r.merchant_id DESC, r.member_id DESC, r.id DESC
    LIMIT $11
)
UNION ALL
(
    SELECT a.id, 'refused', a.points, 0, a.note, a.reason, '{}', '{}', NULL, NULL, a.created_at
    FROM refused_adjustments a
    WHERE a.merchant_id = $1 AND a.wallet_id = $2 AND a.id > $4::bigint AND a.id < $5::bigint
      AND CASE WHEN $6::boolean
          THEN (($7::bigint[] IS NULL OR a.id = ANY ($7)) AND a.id <> ALL ($8::bigint[]))
              OR (a.created_at >= $9::timestamptz AND a.created_at < $10::timestamptz)
          ELSE ($7::bigint[] IS NULL OR a.id = ANY ($7)) AND a.id <> ALL ($8::bigint[])
              AND a.created_at >= $9::timestamptz AND a.created_at < $10::timestamptz END
    ORDER BY a.merchant_id DESC, a.wallet_id DESC, a.id DESC
    LIMIT $11
)
ORDER BY id DESC
LIMIT $11;

-- name: find_card
-- Whose wallet it is, and what its points are.
SELECT w.id, w.member_id, w.program_id, w.point_type_id
FROM wallets w
WHERE w.merchant_id = $1 AND w.id = $2;

-- name: list_cards_of
-- The wallets of members.
SELECT w.id, w.member_id, w.program_id, w.point_type_id
FROM wallets w
WHERE w.merchant_id = $1 AND w.member_id = ANY ($2::bigint[])
ORDER BY w.member_id, w.id;

-- name: list_credits
-- The entries that credited what rewards were worth, by these redemptions of one member; what a
-- refund took back again left out.
SELECT e.redemption_id, e.id, e.wallet_id
FROM wallets w
JOIN entries e ON e.merchant_id = w.merchant_id AND e.wallet_id = w.id
WHERE w.merchant_id = $1 AND w.member_id = $2 AND e.kind = 'adjusted' AND e.points > 0
  AND e.redemption_id = ANY ($3::bigint[]) AND e.id > $4::bigint
ORDER BY e.id;

-- name: find_spendable
-- What can be spent of a wallet at an instant: what has expired, swept or not, cannot.
SELECT w.points_available - coalesce((
    SELECT sum(l.points_remaining)
    FROM lots l
    WHERE l.merchant_id = $1 AND l.wallet_id = w.id AND l.is_open
      AND l.expires_at <= $3::timestamptz), 0)::bigint
FROM wallets w
WHERE w.merchant_id = $1 AND w.id = $2;
