-- name: list_open_lots
-- The lots of these wallets that still hold points, first in first.
SELECT wallet_id, id, points_remaining, effective_at, expires_at
FROM lots
WHERE merchant_id = $1 AND wallet_id = ANY ($2::text::bigint[]) AND is_open
ORDER BY wallet_id, effective_at, id;

-- name: list_lot_origins
-- When each of these lots took effect and when it expires, used up or not.
SELECT id, effective_at, expires_at
FROM lots
WHERE merchant_id = $1 AND id = ANY ($2::bigint[]);

-- name: insert_lots
-- Add lots; some of a lot may have been drawn within the batch that made it.
INSERT INTO lots (merchant_id, id, wallet_id, points, points_remaining, is_open, effective_at,
    expires_at)
SELECT $1, l.id, l.wallet_id, l.points, l.points_remaining, l.points_remaining > 0,
       l.effective_at, l.expires_at
FROM unnest($2::text::bigint[], $3::text::bigint[], $4::text::bigint[], $5::text::bigint[], $6::text::timestamptz[],
    $7::text::timestamptz[])
    AS l (id, wallet_id, points, points_remaining, effective_at, expires_at);

-- name: list_members_with_due_lots
-- Members of a merchant some of whose points have expired, a few at a time.
SELECT DISTINCT w.program_id, w.member_id
FROM (
    SELECT wallet_id FROM lots
    WHERE merchant_id = $1 AND is_open AND expires_at <= $2::timestamptz
    ORDER BY expires_at
    LIMIT $3
) AS due
JOIN wallets w ON w.id = due.wallet_id
WHERE w.merchant_id = $1;

-- name: list_slid_out_members
-- Members whose wallets of a point type hold points that old and have had no entry of certain kinds
-- since, by id.
SELECT w.member_id
FROM wallets w
WHERE w.merchant_id = $1 AND w.program_id = $2 AND w.point_type_id = $3 AND w.points_available > 0
  AND EXISTS (
      SELECT FROM lots l
      WHERE l.merchant_id = $1 AND l.wallet_id = w.id AND l.is_open
        AND l.effective_at < $4::timestamptz
  )
  AND NOT EXISTS (
      SELECT FROM entries e
      WHERE e.merchant_id = $1 AND e.wallet_id = w.id AND e.kind = ANY ($5::text[])
        AND e.created_at >= $4::timestamptz
  )
ORDER BY w.member_id
LIMIT $6;

-- name: list_idle_members
-- Members of a program with points as old as that who have not ordered since, by id.
SELECT DISTINCT w.member_id
FROM wallets w
WHERE w.merchant_id = $1 AND w.program_id = $2 AND w.points_available > 0
  AND EXISTS (
      SELECT FROM lots l
      WHERE l.merchant_id = $1 AND l.wallet_id = w.id AND l.is_open
        AND l.effective_at <= $3::timestamptz
  )
  AND NOT EXISTS (
      SELECT FROM earnings e
      WHERE e.merchant_id = $1 AND e.member_id = w.member_id AND e.order_id IS NOT NULL
        AND coalesce(e.ordered_at, e.created_at) > $3::timestamptz
  )
ORDER BY w.member_id
LIMIT $4;
