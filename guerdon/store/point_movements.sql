-- Movements of points, as pages: every one once, in the order of commits, since ids are given out
-- in it. Entries that only write down that nothing was there to be taken move nothing. $3 and $4
-- are ids between which to look, both left out.

-- name: list_movements_rising
-- Movements in the order in which they were made.
SELECT e.id, e.kind, e.points - e.owed_points AS points, e.pending_points, e.note, e.created_at, e.redemption_id,
       e.earning_id, w.member_id
FROM entries e
JOIN wallets w ON w.merchant_id = $1 AND w.id = e.wallet_id AND w.program_id = $2 AND w.is_default
WHERE e.merchant_id = $1 AND e.id > $3::bigint AND e.id < $4::bigint
  AND (e.points <> e.owed_points OR e.pending_points <> 0)
  AND ($5::timestamptz IS NULL OR e.created_at >= $5)
  AND ($6::timestamptz IS NULL OR e.created_at < $6)
ORDER BY e.merchant_id, e.id
LIMIT $7;

-- name: list_movements_falling
-- Movements, the latest first.
SELECT e.id, e.kind, e.points - e.owed_points AS points, e.pending_points, e.note, e.created_at, e.redemption_id,
       e.earning_id, w.member_id
FROM entries e
JOIN wallets w ON w.merchant_id = $1 AND w.id = e.wallet_id AND w.program_id = $2 AND w.is_default
WHERE e.merchant_id = $1 AND e.id > $3::bigint AND e.id < $4::bigint
  AND (e.points <> e.owed_points OR e.pending_points <> 0)
  AND ($5::timestamptz IS NULL OR e.created_at >= $5)
  AND ($6::timestamptz IS NULL OR e.created_at < $6)
ORDER BY e.merchant_id DESC, e.id DESC
LIMIT $7;

-- name: list_member_movements_rising
-- A member's movements in the order in which they were made.
SELECT e.id, e.kind, e.points - e.owed_points AS points, e.pending_points, e.note, e.created_at, e.redemption_id,
       e.earning_id, $8::bigint AS member_id
FROM entries e
WHERE e.merchant_id = $1 AND e.wallet_id = (
      SELECT w.id FROM wallets w
      WHERE w.merchant_id = $1 AND w.program_id = $2 AND w.member_id = $8 AND w.is_default
      ORDER BY w.id LIMIT 1)
  AND e.id > $3::bigint AND e.id < $4::bigint
  AND (e.points <> e.owed_points OR e.pending_points <> 0)
  AND ($5::timestamptz IS NULL OR e.created_at >= $5)
  AND ($6::timestamptz IS NULL OR e.created_at < $6)
ORDER BY e.merchant_id, e.wallet_id, e.id
LIMIT $7;

-- name: list_member_movements_falling
-- A member's movements, the latest first.
SELECT e.id, e.kind, e.points - e.owed_points AS points, e.pending_points, e.note, e.created_at, e.redemption_id,
       e.earning_id, $8::bigint AS member_id
FROM entries e
WHERE e.merchant_id = $1 AND e.wallet_id = (
      SELECT w.id FROM wallets w
      WHERE w.merchant_id = $1 AND w.program_id = $2 AND w.member_id = $8 AND w.is_default
      ORDER BY w.id LIMIT 1)
  AND e.id > $3::bigint AND e.id < $4::bigint
  AND (e.points <> e.owed_points OR e.pending_points <> 0)
  AND ($5::timestamptz IS NULL OR e.created_at >= $5)
  AND ($6::timestamptz IS NULL OR e.created_at < $6)
ORDER BY e.merchant_id DESC, e.wallet_id DESC, e.id DESC
LIMIT $7;

-- name: find_last_id_before
-- An id such that no entry after it was made before this instant, as far as clocks agree. Times
-- rise with ids, so it is found by halves, each of them a look into the index.
WITH RECURSIVE halves (low, high) AS (
    SELECT 0::bigint, s.next_id FROM sequences s WHERE s.merchant_id = $1
    UNION ALL
    SELECT CASE WHEN p.created_at < $2::timestamptz THEN p.id ELSE h.low END,
           CASE WHEN p.created_at < $2::timestamptz THEN h.high ELSE (h.low + h.high) / 2 END
    FROM halves h
    LEFT JOIN LATERAL (
        SELECT e.id, e.created_at
        FROM entries e
        WHERE e.merchant_id = $1 AND e.id > (h.low + h.high) / 2
        ORDER BY e.merchant_id, e.id
        LIMIT 1
    ) AS p ON true
    WHERE h.high - h.low > 1
)
SELECT max(low) FROM halves;
