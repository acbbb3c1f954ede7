-- name: insert_events
-- Add outbox events.
INSERT INTO events (merchant_id, id, kind, program_id, member_id, redemption_id, earning_id, batch,
    facts, created_at)
SELECT $1, e.id, e.kind, e.program_id, e.member_id, e.redemption_id, e.earning_id, $2::bigint,
       e.facts, $3::timestamptz
FROM unnest($4::bigint[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[],
    $10::text[])
    AS e (id, kind, program_id, member_id, redemption_id, earning_id, facts);

-- name: find_event_of_batch
-- Whether an event was written by this very transaction.
SELECT true
FROM events
WHERE merchant_id = $1 AND id = $2 AND batch = $3;
