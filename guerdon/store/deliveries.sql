-- name: insert_deliveries
-- Hand the events of a stretch on to the destinations that want them, in the order of events.
INSERT INTO deliveries (merchant_id, id, destination, event_id, member_id, status, is_open,
    attempts, next_at, leased_until, last_error, created_at, updated_at)
SELECT $1, $2::bigint + row_number() OVER (ORDER BY e.id, w.destination) - 1, w.destination, e.id,
       e.member_id, 'waiting', true, 0, $5::timestamptz, NULL, NULL, $5::timestamptz,
       $5::timestamptz
FROM events e
JOIN unnest($6::text[], $7::bigint[], $8::text[]) AS w (destination, program_id, kind)
    ON w.kind = e.kind AND (w.program_id IS NULL OR w.program_id = e.program_id)
WHERE e.merchant_id = $1 AND e.id > $3::bigint AND e.id <= $4::bigint;

-- name: claim_deliveries
-- Take what is due of one destination in hand, and say until when. Locked are the longest due. Of
-- each member only what comes first is taken, without a gap: one behind a delivery that is not in
-- this claim is put off until that may be over. A row that was leased before was in somebody's hand
-- who is gone.
WITH locked AS MATERIALIZED (
    SELECT d.id, d.member_id, d.leased_until
    FROM deliveries d
    WHERE d.merchant_id = $1 AND d.destination = $2 AND d.is_open
      AND d.next_at <= $3::timestamptz
      AND (d.leased_until IS NULL OR d.leased_until <= $3::timestamptz)
    ORDER BY d.merchant_id, d.destination, d.next_at, d.id
    LIMIT $4
    FOR UPDATE SKIP LOCKED
), queued AS (
    SELECT q.id, q.member_id,
           bool_and(l.id IS NOT NULL) OVER lane AS is_ready,
           max(CASE WHEN l.id IS NULL THEN greatest(q.next_at,
               CASE WHEN q.leased_until IS NOT NULL THEN least(q.leased_until, $6::timestamptz) END)
               END) OVER lane AS blocked_until
    FROM (SELECT member_id, max(id) AS last_id FROM locked GROUP BY member_id) AS m
    CROSS JOIN LATERAL (
        SELECT o.id, o.member_id, o.next_at, o.leased_until
        FROM deliveries o
        WHERE o.merchant_id = $1 AND o.destination = $2 AND o.member_id = m.member_id
          AND o.is_open AND o.id <= m.last_id
        ORDER BY o.merchant_id, o.destination, o.member_id, o.id
        LIMIT $4
    ) AS q
    LEFT JOIN locked l ON l.id = q.id
    WINDOW lane AS (PARTITION BY q.member_id ORDER BY q.id)
), judged AS (
    SELECT l.id, l.leased_until IS NOT NULL AS is_abandoned, coalesce(q.is_ready, false) AS is_ready,
           coalesce(q.blocked_until, b.blocked_until) AS blocked_until
    FROM locked l
    LEFT JOIN queued q ON q.id = l.id
    LEFT JOIN (
        SELECT member_id, max(blocked_until) AS blocked_until FROM queued GROUP BY member_id
    ) AS b ON b.member_id = l.member_id
), taken AS (
    UPDATE deliveries d
    SET attempts = CASE WHEN j.is_ready THEN d.attempts + 1 ELSE d.attempts END,
        leased_until = CASE WHEN j.is_ready THEN $5::timestamptz ELSE d.leased_until END,
        next_at = CASE WHEN j.is_ready THEN d.next_at
            ELSE greatest(d.next_at, j.blocked_until) END
    FROM judged j
    WHERE d.merchant_id = $1 AND d.id = j.id
      AND (j.is_ready OR j.blocked_until > $3::timestamptz)
    RETURNING d.id, d.event_id, d.member_id, d.attempts, j.is_abandoned, j.is_ready
)
SELECT t.id, t.event_id, t.member_id, t.attempts, t.is_abandoned, t.is_ready
FROM taken t
ORDER BY t.id;

-- name: write_verdicts
-- Record what became of deliveries in hand, of those that are still in the same hand.
UPDATE deliveries d
SET status = v.status, is_open = v.status = 'waiting', attempts = v.attempts_after,
    next_at = coalesce(v.next_at, d.next_at), leased_until = NULL,
    last_error = coalesce(v.error, CASE WHEN v.status = 'waiting' THEN d.last_error END),
    updated_at = $2::timestamptz
FROM unnest($4::text::bigint[], $5::text::text[], $6::text::integer[], $7::text::integer[],
    $8::text::timestamptz[], $9::text[])
    AS v (id, status, attempts, attempts_after, next_at, error)
WHERE d.merchant_id = $1 AND d.id = v.id AND d.is_open AND d.attempts = v.attempts
  AND d.leased_until = $3::timestamptz;

-- name: wake_members
-- Make due what was put off behind deliveries that are over now, the first few of each member.
UPDATE deliveries d
SET next_at = $4::timestamptz
FROM (
    SELECT o.id
    FROM unnest($3::text::bigint[]) AS m (member_id)
    CROSS JOIN LATERAL (
        SELECT q.id
        FROM deliveries q
        WHERE q.merchant_id = $1 AND q.destination = $2 AND q.member_id = m.member_id AND q.is_open
        ORDER BY q.merchant_id, q.destination, q.member_id, q.id
        LIMIT $5
    ) AS o
) AS w
WHERE d.merchant_id = $1 AND d.id = w.id AND d.is_open AND d.next_at > $4::timestamptz
  AND d.attempts = 0 AND d.leased_until IS NULL;

-- name: close_waiting
-- Close what waits for a destination that is not there any more, a portion at a time. What somebody
-- has in hand is left to them.
UPDATE deliveries d
SET status = $3, is_open = false, last_error = $4, leased_until = NULL, updated_at = $5::timestamptz
FROM (
    SELECT o.id
    FROM deliveries o
    WHERE o.merchant_id = $1 AND o.destination = $2 AND o.is_open
      AND (o.leased_until IS NULL OR o.leased_until <= $5::timestamptz)
    ORDER BY o.merchant_id, o.destination, o.next_at, o.id
    LIMIT $6
    FOR UPDATE SKIP LOCKED
) AS w
WHERE d.merchant_id = $1 AND d.id = w.id;

-- name: find_waiting
-- Whether anything waits for a destination.
SELECT EXISTS (
    SELECT 1 FROM deliveries WHERE merchant_id = $1 AND destination = $2 AND is_open
);

-- name: delete_deliveries_over
-- Forget what was delivered or skipped long ago, a portion at a time.
DELETE FROM deliveries d
USING (
    SELECT o.id
    FROM deliveries o
    WHERE o.merchant_id = $1 AND o.status IN ('delivered', 'skipped')
      AND o.updated_at < $2::timestamptz
    ORDER BY o.merchant_id, o.updated_at
    LIMIT $3
    FOR UPDATE SKIP LOCKED
) AS w
WHERE d.merchant_id = $1 AND d.id = w.id;

-- name: reopen_deliveries
-- Have closed deliveries carried once more, by their ids. Gives where they go.
UPDATE deliveries d
SET status = 'waiting', is_open = true, attempts = 0, next_at = $3::timestamptz,
    leased_until = NULL, updated_at = $3::timestamptz
WHERE d.merchant_id = $1 AND d.id = ANY ($2::bigint[]) AND NOT d.is_open
RETURNING d.id, d.destination;

-- name: reopen_failed
-- Have deliveries carried once more that are dead or uncertain, the oldest first, a portion at a
-- time. Gives where they go.
UPDATE deliveries d
SET status = 'waiting', is_open = true, attempts = 0, next_at = $4::timestamptz,
    leased_until = NULL, updated_at = $4::timestamptz
FROM (
    SELECT o.id
    FROM deliveries o
    WHERE o.merchant_id = $1 AND o.status IN ('dead', 'uncertain') AND o.status = $2
      AND ($3::text IS NULL OR o.destination = $3)
    ORDER BY o.merchant_id, o.status, o.id
    LIMIT $5
    FOR UPDATE
) AS w
WHERE d.merchant_id = $1 AND d.id = w.id
RETURNING d.id, d.destination;
