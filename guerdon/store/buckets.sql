-- Points of one wallet that wait for the same day, or expire with it. Days are those of a time zone.

-- name: list_pending_buckets
-- What waits to be credited, by the days on which it will be: $4 is the time zone.
SELECT (a.due_at AT TIME ZONE $4::text)::date AS day, sum(a.points)::bigint AS points,
       min(a.created_at) AS created_at, max(a.updated_at) AS updated_at
FROM earnings a
WHERE a.merchant_id = $1 AND a.member_id = $2 AND a.wallet_id = $3 AND a.status = 'pending'
  AND a.due_at IS NOT NULL
GROUP BY 1
ORDER BY 1;

-- name: list_earnings_due
-- All earnings that were to be credited within a span, whatever became of them.
SELECT a.id, a.status
FROM earnings a
WHERE a.merchant_id = $1 AND a.member_id = $2 AND a.wallet_id = $3
  AND a.due_at >= $4::timestamptz AND a.due_at < $5::timestamptz
ORDER BY a.id;

-- name: had_lots
-- Whether there ever was something in a wallet that expires within a span.
SELECT EXISTS (
    SELECT 1
    FROM entries e
    CROSS JOIN LATERAL unnest(e.lot_ids) AS named (lot_id)
    JOIN lots l ON l.merchant_id = $1 AND l.id = named.lot_id
    WHERE e.merchant_id = $1 AND e.wallet_id = $2 AND l.wallet_id = $2
      AND l.expires_at >= $3::timestamptz AND l.expires_at < $4::timestamptz);

-- name: find_last_act
-- When the last entry of certain kinds was made in a wallet.
SELECT max(e.created_at)
FROM entries e
WHERE e.merchant_id = $1 AND e.wallet_id = $2 AND e.kind = ANY ($3::text[]);
