-- name: insert_events
-- Add outbox events.
INSERT INTO events (merchant_id, id, kind, program_id, member_id, redemption_id, earning_id, batch,
    facts, created_at)
SELECT $1, e.id, e.kind, e.program_id, e.member_id, e.redemption_id, e.earning_id, $2::bigint,
       e.facts, $3::timestamptz
FROM unnest($4::text::bigint[], string_to_array($5::text, E'\x1f'), $6::text::bigint[], $7::text::bigint[], $8::text::bigint[], $9::text::bigint[],
    string_to_array($10::text, E'\x1f'))
    AS e (id, kind, program_id, member_id, redemption_id, earning_id, facts);

-- name: find_first_of_batch
-- The first event that was written by this very transaction, from some id on.
SELECT min(id)
FROM events
WHERE merchant_id = $1 AND id >= $2 AND batch = $3;

-- name: find_event_of_batch
-- Whether an event was written by this very transaction.
SELECT true
FROM events
WHERE merchant_id = $1 AND id = $2 AND batch = $3;
