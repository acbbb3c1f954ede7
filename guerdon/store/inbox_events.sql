-- name: insert_inbox_event
-- Keep a message that was received, unless it was before: under its own key, or as another copy of
-- the same event. The id is taken in the same statement, so that one round trip does.
WITH taken AS (
    UPDATE sequences SET next_id = next_id + 1
    WHERE merchant_id = $1
    RETURNING next_id - 1 AS id
)
INSERT INTO inbox_events (merchant_id, id, source, topic, delivery_key, event_key, body,
    triggered_at, received_at, status, is_open, attempts, next_at, updated_at)
SELECT $1, taken.id, $2, $3, $4, $5, $6, $7::timestamptz, $8::timestamptz, 'waiting', TRUE, 0,
       $8::timestamptz, $8::timestamptz
FROM taken
ON CONFLICT DO NOTHING
RETURNING id;

-- name: claim_inbox_events
-- Take waiting messages in hand until the lease ends, in the order they came; those that another
-- worker has in hand are left to it.
UPDATE inbox_events i
SET leased_until = $4::timestamptz, attempts = i.attempts + 1, updated_at = $2::timestamptz
FROM (
    SELECT e.id
    FROM inbox_events e
    WHERE e.merchant_id = $1 AND e.is_open AND e.next_at <= $2::timestamptz
      AND (e.leased_until IS NULL OR e.leased_until <= $2::timestamptz)
    ORDER BY e.next_at, e.id
    LIMIT $3
    FOR NO KEY UPDATE SKIP LOCKED
) AS due
WHERE i.merchant_id = $1 AND i.id = due.id
RETURNING i.id, i.source, i.topic, i.body, i.triggered_at, i.received_at, i.status, i.attempts,
    i.next_at, i.last_error;

-- name: settle_inbox_events
-- Record what came of messages in hand. One that somebody else settled meanwhile stays so. What one
-- said that is dealt with is of no more use, and much of it is about people.
UPDATE inbox_events i
SET status = c.status, is_open = c.status = 'waiting', next_at = c.next_at,
    body = CASE WHEN c.status IN ('done', 'ignored') THEN ''::bytea ELSE i.body END,
    last_error = c.last_error, leased_until = NULL, updated_at = $2::timestamptz
FROM unnest($3::bigint[], $4::text[], $5::timestamptz[], $6::text[])
    AS c (id, status, next_at, last_error)
WHERE i.merchant_id = $1 AND i.id = c.id AND i.is_open;

-- name: list_inbox_events
-- Messages of a status or all, the newest first, without what they say.
SELECT id, source, topic, ''::bytea AS body, triggered_at, received_at, status, attempts, next_at,
       last_error
FROM inbox_events
WHERE merchant_id = $1 AND ($2::text IS NULL OR status = $2) AND id < $3
ORDER BY id DESC
LIMIT $4;

-- name: reopen_inbox_events
-- Let dead messages be acted on again, all or those named.
UPDATE inbox_events
SET status = 'waiting', is_open = TRUE, attempts = 0, next_at = $2::timestamptz,
    leased_until = NULL, updated_at = $2::timestamptz
WHERE merchant_id = $1 AND status = 'dead' AND length(body) > 0
  AND ($3::bigint[] IS NULL OR id = ANY ($3::bigint[]))
RETURNING id;

-- name: delete_old_inbox_events
-- Forget messages that were dealt with long ago.
DELETE FROM inbox_events
WHERE merchant_id = $1 AND id IN (
    SELECT i.id
    FROM inbox_events i
    WHERE i.merchant_id = $1 AND NOT i.is_open AND i.updated_at < $2::timestamptz
    ORDER BY i.updated_at
    LIMIT $3
)
RETURNING id;

-- name: blank_inbox_events
-- Empty the messages that hold one of these texts in whatever case, which are then of no more use.
UPDATE inbox_events
SET body = '', status = CASE WHEN is_open THEN 'ignored' ELSE status END, is_open = FALSE,
    leased_until = NULL, updated_at = $2::timestamptz
WHERE merchant_id = $1 AND source = $3 AND length(body) > 0 AND id <> $5
  AND EXISTS (
      SELECT 1 FROM unnest($4::bytea[]) AS t (part)
      WHERE position(lower(encode(t.part, 'escape')) IN lower(encode(body, 'escape'))) > 0
  )
RETURNING id;

-- name: blank_inbox_event
-- Empty one message.
UPDATE inbox_events SET body = '' WHERE merchant_id = $1 AND id = $2;
