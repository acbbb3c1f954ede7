-- Cards by their codes, a program's cards in pages, and what happened on one.

-- name: find_wallet_by_code
-- The wallet whose card has a code of its point type's own form.
SELECT id FROM wallets WHERE merchant_id = $1 AND code = $2;

-- name: count_program_cards
-- How many cards a program has, all or those of some wallets, of a member, or of a time.
SELECT count(*)
FROM wallets w
JOIN members m ON m.merchant_id = w.merchant_id AND m.id = w.member_id
WHERE w.merchant_id = $1 AND w.program_id = $2 AND w.is_default AND m.left_at IS NULL
  AND ($3::bigint[] IS NULL OR w.id = ANY ($3))
  AND ($4::text IS NULL OR m.external_id = $4)
  AND w.created_at >= $5::timestamptz AND w.created_at < $6::timestamptz
  AND w.updated_at >= $7::timestamptz AND w.updated_at < $8::timestamptz;

-- name: list_program_cards
-- A page of a program's cards: by id, or with $9 by their last change; $10 turns the order.
SELECT w.id, w.member_id
FROM wallets w
JOIN members m ON m.merchant_id = w.merchant_id AND m.id = w.member_id
WHERE w.merchant_id = $1 AND w.program_id = $2 AND w.is_default AND m.left_at IS NULL
  AND ($3::bigint[] IS NULL OR w.id = ANY ($3))
  AND ($4::text IS NULL OR m.external_id = $4)
  AND w.created_at >= $5::timestamptz AND w.created_at < $6::timestamptz
  AND w.updated_at >= $7::timestamptz AND w.updated_at < $8::timestamptz
ORDER BY CASE WHEN $9::boolean AND NOT $10::boolean THEN w.updated_at END,
         CASE WHEN $9::boolean AND $10::boolean THEN w.updated_at END DESC,
         CASE WHEN $10::boolean THEN -w.id ELSE w.id END
LIMIT $11 OFFSET $12;

-- name: count_paid_for
-- How many rewards each of some wallets of members paid for and kept.
SELECT r.wallet_id, count(*) AS taken
FROM redemptions r
WHERE r.merchant_id = $1 AND r.member_id = ANY ($2::bigint[]) AND NOT r.is_grant
  AND r.status IN ('approved', 'used', 'expired')
GROUP BY r.wallet_id;

-- name: list_card_entries_rising
-- A wallet's movements between two ids, both left out, each with what it came of.
SELECT e.id, e.kind, e.points - e.owed_points AS points, e.points_after, e.note, e.created_at,
       e.redemption_id, r.reward_id, r.entry_id AS redeemed_by, a.rule_id, a.order_id, a.metadata
FROM entries e
LEFT JOIN redemptions r ON r.merchant_id = e.merchant_id AND r.id = e.redemption_id
LEFT JOIN earnings a ON a.merchant_id = e.merchant_id AND a.id = e.earning_id
WHERE e.merchant_id = $1 AND e.wallet_id = $2 AND e.id > $3::bigint AND e.id < $4::bigint
  AND e.points <> e.owed_points
  AND ($5::bigint[] IS NULL OR e.id = ANY ($5)) AND e.id <> ALL ($6::bigint[])
  AND e.created_at >= $7::timestamptz AND e.created_at < $8::timestamptz
ORDER BY e.merchant_id, e.wallet_id, e.id
LIMIT $9;

-- name: list_card_entries_falling
-- A wallet's movements, the latest first.
SELECT e.id, e.kind, e.points - e.owed_points AS points, e.points_after, e.note, e.created_at,
       e.redemption_id, r.reward_id, r.entry_id AS redeemed_by, a.rule_id, a.order_id, a.metadata
FROM entries e
LEFT JOIN redemptions r ON r.merchant_id = e.merchant_id AND r.id = e.redemption_id
LEFT JOIN earnings a ON a.merchant_id = e.merchant_id AND a.id = e.earning_id
WHERE e.merchant_id = $1 AND e.wallet_id = $2 AND e.id > $3::bigint AND e.id < $4::bigint
  AND e.points <> e.owed_points
  AND ($5::bigint[] IS NULL OR e.id = ANY ($5)) AND e.id <> ALL ($6::bigint[])
  AND e.created_at >= $7::timestamptz AND e.created_at < $8::timestamptz
ORDER BY e.merchant_id DESC, e.wallet_id DESC, e.id DESC
LIMIT $9;

-- name: list_credited
-- All that was ever credited to a wallet up to each of some entries, what went back to it left out;
-- $4 is the last of them.
SELECT t.id, t.total
FROM (
    SELECT e.id,
           sum(CASE WHEN e.kind IN ('earned', 'adjusted', 'transferred') AND e.points > 0
               THEN e.points ELSE 0 END) OVER (ORDER BY e.id)::bigint AS total
    FROM entries e
    WHERE e.merchant_id = $1 AND e.wallet_id = $2 AND e.id <= $4::bigint
) AS t
WHERE t.id = ANY ($3::bigint[]);

-- name: list_expiring
-- A wallet's live points by the day, in the time zone $4, at whose end they expire: a page of it,
-- and how many such days there are.
SELECT ((l.expires_at - interval '1 millisecond') AT TIME ZONE $4::text)::date AS day,
       sum(l.points_remaining)::bigint AS points, min(l.effective_at) AS since,
       count(*) OVER () AS total
FROM lots l
WHERE l.merchant_id = $1 AND l.wallet_id = $2 AND l.is_open AND l.expires_at > $3::timestamptz
GROUP BY 1
ORDER BY 1
LIMIT $5 OFFSET $6;
