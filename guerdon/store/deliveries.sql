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

-- name: lock_due
-- What is due of one destination and in nobody's hand, the longest due first; what a rival is about
-- to take is passed over. One that was leased before was in the hand of somebody who is gone.
SELECT id, event_id, member_id, attempts, next_at, leased_until IS NOT NULL AS is_abandoned
FROM deliveries
WHERE merchant_id = $1 AND destination = $2 AND is_open AND next_at <= $3::timestamptz
  AND (leased_until IS NULL OR leased_until <= $3::timestamptz)
ORDER BY merchant_id, destination, next_at, id
LIMIT $4
FOR UPDATE SKIP LOCKED;

-- name: list_queued
-- The first open deliveries of each of these members at a destination, up to an id each.
SELECT q.id, q.member_id, q.next_at, q.leased_until
FROM unnest($3::text::bigint[], $4::text::bigint[]) AS m (member_id, last_id)
CROSS JOIN LATERAL (
    SELECT o.id, o.member_id, o.next_at, o.leased_until
    FROM deliveries o
    WHERE o.merchant_id = $1 AND o.destination = $2 AND o.member_id = m.member_id AND o.is_open
      AND o.id <= m.last_id
    ORDER BY o.merchant_id, o.destination, o.member_id, o.id
    LIMIT $5
) AS q;

-- name: lease_deliveries
-- Take locked deliveries in hand. The ids are in an array, so that they are found by the key however
-- little the planner knows of the table.
UPDATE deliveries
SET attempts = attempts + 1, leased_until = $3::timestamptz
WHERE merchant_id = $1 AND id = ANY ($2::text::bigint[]);

-- name: put_off_deliveries
-- Put locked deliveries off, each until its time.
UPDATE deliveries d
SET next_at = v.next_at
FROM unnest($2::text::bigint[], $3::text::timestamptz[]) AS v (id, next_at)
WHERE d.merchant_id = $1 AND d.id = ANY ($2::text::bigint[]) AND d.id = v.id;

-- name: close_delivered
-- Record that deliveries were taken, of those that are still in the same hand. The usual end, and so
-- without a join that a planner could get wrong.
UPDATE deliveries
SET status = 'delivered', is_open = false, leased_until = NULL, last_error = NULL,
    updated_at = $2::timestamptz
WHERE merchant_id = $1 AND id = ANY ($4::text::bigint[]) AND leased_until = $3::timestamptz;

-- name: write_verdicts
-- Record what became of deliveries in hand, of those that are still in the same hand; what is over
-- is in nobody's. The ids come twice, so that they are found by the key.
UPDATE deliveries d
SET status = v.status, is_open = v.status = 'waiting', attempts = v.attempts_after,
    next_at = coalesce(v.next_at, d.next_at), leased_until = NULL,
    last_error = coalesce(v.error, CASE WHEN v.status = 'waiting' THEN d.last_error END),
    updated_at = $2::timestamptz
FROM unnest($4::text::bigint[], $5::text::text[], $6::text::integer[], $7::text::integer[],
    $8::text::timestamptz[], $9::text[])
    AS v (id, status, attempts, attempts_after, next_at, error)
WHERE d.merchant_id = $1 AND d.id = ANY ($4::text::bigint[]) AND d.id = v.id
  AND d.attempts = v.attempts AND d.leased_until = $3::timestamptz;

-- name: wake_members
-- Make due what was put off behind deliveries that are over now, the first few of each member.
UPDATE deliveries
SET next_at = $4::timestamptz
WHERE merchant_id = $1 AND status = 'waiting' AND leased_until IS NULL AND id = ANY (ARRAY(
    SELECT o.id
    FROM unnest($3::text::bigint[]) AS m (member_id)
    CROSS JOIN LATERAL (
        SELECT q.id, q.next_at, q.attempts
        FROM deliveries q
        WHERE q.merchant_id = $1 AND q.destination = $2 AND q.member_id = m.member_id AND q.is_open
        ORDER BY q.merchant_id, q.destination, q.member_id, q.id
        LIMIT $5
    ) AS o
    WHERE o.next_at > $4::timestamptz AND o.attempts = 0
));

-- name: close_waiting
-- Close what waits for a destination that is not there any more, a portion at a time. What somebody
-- has in hand is left to them.
UPDATE deliveries
SET status = $3, is_open = false, last_error = $4, leased_until = NULL, updated_at = $5::timestamptz
WHERE merchant_id = $1 AND id = ANY (ARRAY(
    SELECT o.id
    FROM deliveries o
    WHERE o.merchant_id = $1 AND o.destination = $2 AND o.is_open
      AND (o.leased_until IS NULL OR o.leased_until <= $5::timestamptz)
    ORDER BY o.merchant_id, o.destination, o.next_at, o.id
    LIMIT $6
    FOR UPDATE SKIP LOCKED
));

-- name: find_waiting
-- Whether anything waits for a destination.
SELECT EXISTS (
    SELECT 1 FROM deliveries WHERE merchant_id = $1 AND destination = $2 AND is_open
);

-- name: delete_deliveries_over
-- Forget what was delivered or skipped long ago, a portion at a time.
DELETE FROM deliveries
WHERE merchant_id = $1 AND id = ANY (ARRAY(
    SELECT o.id
    FROM deliveries o
    WHERE o.merchant_id = $1 AND o.status IN ('delivered', 'skipped')
      AND o.updated_at < $2::timestamptz
    ORDER BY o.merchant_id, o.updated_at
    LIMIT $3
    FOR UPDATE SKIP LOCKED
));

-- name: reopen_deliveries
-- Have closed deliveries carried once more, by their ids. Gives where they go.
UPDATE deliveries d
SET status = 'waiting', is_open = true, attempts = 0, next_at = $3::timestamptz,
    leased_until = NULL, updated_at = $3::timestamptz
WHERE d.merchant_id = $1 AND d.id = ANY ($2::bigint[]) AND NOT d.is_open
RETURNING d.id, d.destination;

-- name: reopen_failed
-- Have deliveries carried once more that are dead or uncertain since before an instant, the oldest
-- first, a portion at a time. Gives where they go.
UPDATE deliveries
SET status = 'waiting', is_open = true, attempts = 0, next_at = $4::timestamptz,
    leased_until = NULL, updated_at = $4::timestamptz
WHERE merchant_id = $1 AND id = ANY (ARRAY(
    SELECT o.id
    FROM deliveries o
    WHERE o.merchant_id = $1 AND o.status IN ('dead', 'uncertain') AND o.status = $2
      AND ($3::text IS NULL OR o.destination = $3) AND o.updated_at < $6::timestamptz
    ORDER BY o.merchant_id, o.status, o.id
    LIMIT $5
    FOR UPDATE
))
RETURNING id, destination;
