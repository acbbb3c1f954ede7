-- Lists of members for callers that come again and again: by id, or by their last change. Both run
-- in the order of commits, since ids are given out in it; so whoever goes on where they stopped
-- misses nothing. The last change of a member is the first of the events that the transaction left
-- which changed their wallet last; of the imported it is their coming, as no event tells of that.
-- Whether event and wallet bear the same mark is asked within coalesce: a planner that saw through
-- it would take the two for alike so seldom that it reads all events at once.
-- $3 and $4 are ids between which to look, both left out.

-- name: list_members_rising
-- Members in the order of their ids.
SELECT m.id
FROM members m
JOIN wallets w ON w.merchant_id = $1 AND w.member_id = m.id AND w.is_default
WHERE m.merchant_id = $1 AND m.program_id = $2 AND m.id > $3::bigint AND m.id < $4::bigint
  AND ($5::text IS NULL OR strpos(m.email, $5) > 0)
  AND ($6::timestamptz IS NULL OR m.created_at >= $6)
  AND ($7::timestamptz IS NULL OR m.created_at < $7)
  AND ($8::timestamptz IS NULL OR greatest(m.updated_at, w.updated_at) >= $8)
  AND ($9::timestamptz IS NULL OR greatest(m.updated_at, w.updated_at) < $9)
  AND ($10::bigint[] IS NULL OR m.id = ANY ($10))
ORDER BY m.merchant_id, m.id
LIMIT $11 OFFSET $12;

-- name: list_members_falling
-- Members, the latest first.
SELECT m.id
FROM members m
JOIN wallets w ON w.merchant_id = $1 AND w.member_id = m.id AND w.is_default
WHERE m.merchant_id = $1 AND m.program_id = $2 AND m.id > $3::bigint AND m.id < $4::bigint
  AND ($5::text IS NULL OR strpos(m.email, $5) > 0)
  AND ($6::timestamptz IS NULL OR m.created_at >= $6)
  AND ($7::timestamptz IS NULL OR m.created_at < $7)
  AND ($8::timestamptz IS NULL OR greatest(m.updated_at, w.updated_at) >= $8)
  AND ($9::timestamptz IS NULL OR greatest(m.updated_at, w.updated_at) < $9)
  AND ($10::bigint[] IS NULL OR m.id = ANY ($10))
ORDER BY m.merchant_id DESC, m.id DESC
LIMIT $11 OFFSET $12;

-- name: list_changes_rising
-- What changed members last, the longest ago first; of one transaction a member may come twice.
SELECT c.id, c.member_id
FROM (
    (SELECT e.id, e.member_id
    FROM events e
    JOIN wallets w ON w.merchant_id = $1 AND w.member_id = e.member_id AND w.is_default
        AND coalesce(w.batch = e.batch, FALSE)
    JOIN members m ON m.merchant_id = $1 AND m.id = e.member_id
    WHERE e.merchant_id = $1 AND e.program_id = $2 AND e.id > $3::bigint AND e.id < $4::bigint
    AND ($5::text IS NULL OR strpos(m.email, $5) > 0)
    AND ($6::timestamptz IS NULL OR m.created_at >= $6)
    AND ($7::timestamptz IS NULL OR m.created_at < $7)
    AND ($8::timestamptz IS NULL OR greatest(m.updated_at, w.updated_at) >= $8)
    AND ($9::timestamptz IS NULL OR greatest(m.updated_at, w.updated_at) < $9)
    ORDER BY e.merchant_id, e.id
    LIMIT $10)
    UNION ALL
    (SELECT m.id, m.id
    FROM members m
    JOIN wallets w ON w.merchant_id = $1 AND w.member_id = m.id AND w.is_default
        AND w.batch IS NULL
    WHERE m.merchant_id = $1 AND m.program_id = $2 AND m.batch IS NULL AND m.id > $3::bigint
      AND m.id < $4::bigint
    AND ($5::text IS NULL OR strpos(m.email, $5) > 0)
    AND ($6::timestamptz IS NULL OR m.created_at >= $6)
    AND ($7::timestamptz IS NULL OR m.created_at < $7)
    AND ($8::timestamptz IS NULL OR greatest(m.updated_at, w.updated_at) >= $8)
    AND ($9::timestamptz IS NULL OR greatest(m.updated_at, w.updated_at) < $9)
    ORDER BY m.merchant_id, m.id
    LIMIT $10)
) AS c
ORDER BY c.id
LIMIT $10;

-- name: list_changes_falling
-- What changed members last, the latest first; of one transaction a member may come twice.
SELECT c.id, c.member_id
FROM (
    (SELECT e.id, e.member_id
    FROM events e
    JOIN wallets w ON w.merchant_id = $1 AND w.member_id = e.member_id AND w.is_default
        AND coalesce(w.batch = e.batch, FALSE)
    JOIN members m ON m.merchant_id = $1 AND m.id = e.member_id
    WHERE e.merchant_id = $1 AND e.program_id = $2 AND e.id > $3::bigint AND e.id < $4::bigint
    AND ($5::text IS NULL OR strpos(m.email, $5) > 0)
    AND ($6::timestamptz IS NULL OR m.created_at >= $6)
    AND ($7::timestamptz IS NULL OR m.created_at < $7)
    AND ($8::timestamptz IS NULL OR greatest(m.updated_at, w.updated_at) >= $8)
    AND ($9::timestamptz IS NULL OR greatest(m.updated_at, w.updated_at) < $9)
    ORDER BY e.merchant_id DESC, e.id DESC
    LIMIT $10)
    UNION ALL
    (SELECT m.id, m.id
    FROM members m
    JOIN wallets w ON w.merchant_id = $1 AND w.member_id = m.id AND w.is_default
        AND w.batch IS NULL
    WHERE m.merchant_id = $1 AND m.program_id = $2 AND m.batch IS NULL AND m.id > $3::bigint
      AND m.id < $4::bigint
    AND ($5::text IS NULL OR strpos(m.email, $5) > 0)
    AND ($6::timestamptz IS NULL OR m.created_at >= $6)
    AND ($7::timestamptz IS NULL OR m.created_at < $7)
    AND ($8::timestamptz IS NULL OR greatest(m.updated_at, w.updated_at) >= $8)
    AND ($9::timestamptz IS NULL OR greatest(m.updated_at, w.updated_at) < $9)
    ORDER BY m.merchant_id DESC, m.id DESC
    LIMIT $10)
) AS c
ORDER BY c.id DESC
LIMIT $10;

-- name: find_batch_floor
-- The last event before all those of the transaction that left this one.
SELECT coalesce((
    SELECT o.id
    FROM events o
    WHERE o.merchant_id = $1 AND o.id < e.id AND o.batch <> e.batch
    ORDER BY o.merchant_id DESC, o.id DESC
    LIMIT 1), 0) AS floor
FROM events e
WHERE e.merchant_id = $1 AND e.id = $2;

-- name: list_changed_since
-- Whom anything happened to, or who came, after some id.
SELECT e.member_id
FROM events e
WHERE e.merchant_id = $1 AND e.program_id = $2 AND e.id > $3::bigint
UNION
SELECT m.id
FROM members m
WHERE m.merchant_id = $1 AND m.program_id = $2 AND m.id > $3::bigint;

-- name: find_oldest_change
-- When that member was changed who was not for the longest.
SELECT min(w.updated_at)
FROM wallets w
WHERE w.merchant_id = $1 AND w.program_id = $2 AND w.is_default;

-- name: count_rewards_taken
-- How many rewards members took, those never handed over left out, and how many of them they used.
SELECT r.member_id, count(*), count(*) FILTER (WHERE r.status = 'used')
FROM redemptions r
WHERE r.merchant_id = $1 AND r.member_id = ANY ($2::bigint[]) AND r.status <> 'declined'
GROUP BY r.member_id;

-- name: get_next_id
-- The id that will be given out next.
SELECT s.next_id FROM sequences s WHERE s.merchant_id = $1;
