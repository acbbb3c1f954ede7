-- name: list_merchants_behind
-- Merchants that may have events not yet handed on: ids were given out since.
-- global: the worker looks where there is anything to do before it goes there
SELECT s.merchant_id
FROM sequences s
LEFT JOIN outbox_cursors c ON c.merchant_id = s.merchant_id
WHERE c.last_event_id IS NULL OR s.next_id > c.last_event_id + 1
ORDER BY s.merchant_id;

-- name: list_due_destinations
-- Destinations that have something due, each with its merchant.
-- global: the worker looks where there is anything to do before it goes there
SELECT c.merchant_id, n.destination
FROM outbox_cursors c
CROSS JOIN LATERAL unnest(c.destinations) AS n (destination)
WHERE EXISTS (
    SELECT 1
    FROM deliveries d
    WHERE d.merchant_id = c.merchant_id AND d.destination = n.destination AND d.is_open
      AND d.next_at <= $1::timestamptz
      AND (d.leased_until IS NULL OR d.leased_until <= $1::timestamptz)
)
ORDER BY c.merchant_id, n.destination;

-- name: insert_cursor
-- Begin a merchant's cursor before its first event, unless it has one.
INSERT INTO outbox_cursors (merchant_id, last_event_id, next_delivery_id, destinations)
VALUES ($1, 0, 1, ARRAY[]::text[])
ON CONFLICT (merchant_id) DO NOTHING;

-- name: lock_cursor
-- The cursor, kept from rivals until the commit; nothing where a rival has it.
SELECT last_event_id, next_delivery_id, destinations
FROM outbox_cursors
WHERE merchant_id = $1
ORDER BY merchant_id
FOR UPDATE SKIP LOCKED;

-- name: await_cursor
-- The cursor, kept from rivals until the commit, however long one has it.
SELECT last_event_id, next_delivery_id, destinations
FROM outbox_cursors
WHERE merchant_id = $1
ORDER BY merchant_id
FOR UPDATE;

-- name: get_reach
-- The last id below which every event can be seen, and at most so many events away from the cursor.
SELECT coalesce(
    (SELECT e.id - 1 FROM events e
     WHERE e.merchant_id = $1 AND e.id > $2::bigint
     ORDER BY e.merchant_id, e.id
     OFFSET $3::bigint LIMIT 1),
    s.next_id - 1) AS last_event_id,
    s.next_id - 1 AS newest_id
FROM sequences s
WHERE s.merchant_id = $1;

-- name: update_cursor
-- Move a locked cursor on.
UPDATE outbox_cursors
SET last_event_id = $2, next_delivery_id = $3, destinations = $4::text[]
WHERE merchant_id = $1;
