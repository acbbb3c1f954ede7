-- name: insert_action
-- Add what is to be done.
INSERT INTO async_actions (merchant_id, id, kind, program_id, is_open, created_at)
VALUES ($1, $2, 'enrol', $3, true, $4);

-- name: insert_action_entries
-- Add the entries of an action, in their order.
INSERT INTO async_action_entries (merchant_id, action_id, place, named, is_source, external_id,
    is_frozen, metadata, is_open, error)
SELECT $1, $2, e.place, e.named, e.is_source, e.external_id, e.is_frozen, e.metadata::json,
       e.error IS NULL, e.error
FROM unnest($3::integer[], $4::text[], $5::boolean[], $6::text[], $7::boolean[], $8::text[],
    $9::text[])
    AS e (place, named, is_source, external_id, is_frozen, metadata, error);

-- name: find_action
-- An action, with how many of its entries there are, are over, and came to nothing.
SELECT a.id, a.program_id, a.is_open, a.created_at, a.updated_at, count(e.place) AS entries,
       count(e.place) FILTER (WHERE NOT e.is_open) AS entries_over,
       count(e.place) FILTER (WHERE e.error IS NOT NULL) AS entries_failed
FROM async_actions a
LEFT JOIN async_action_entries e ON e.merchant_id = $1 AND e.action_id = a.id
WHERE a.merchant_id = $1 AND a.id = $2
GROUP BY a.merchant_id, a.id;

-- name: list_open_action_entries
-- The next entries to be done, of the oldest action that has some.
SELECT e.action_id, a.program_id, e.place, e.named, e.is_source, e.external_id, e.is_frozen,
       e.metadata
FROM async_actions a
JOIN async_action_entries e ON e.merchant_id = $1 AND e.action_id = a.id AND e.is_open
WHERE a.merchant_id = $1 AND a.is_open
ORDER BY e.action_id, e.place
LIMIT $2;

-- name: close_action_entries
-- Write down what became of entries; what is over stays as it is.
UPDATE async_action_entries e
SET is_open = false, member_id = c.member_id, error = c.error
FROM unnest($2::bigint[], $3::integer[], $4::bigint[], $5::text[])
    AS c (action_id, place, member_id, error)
WHERE e.merchant_id = $1 AND e.action_id = c.action_id AND e.place = c.place AND e.is_open;

-- name: touch_actions
-- Write down that something was done of actions; what has no entry left open is over.
UPDATE async_actions a
SET updated_at = $3,
    is_open = EXISTS (
        SELECT 1 FROM async_action_entries e
        WHERE e.merchant_id = $1 AND e.action_id = a.id AND e.is_open)
WHERE a.merchant_id = $1 AND a.id = ANY ($2::bigint[]);

-- name: list_action_entries
-- A page of an action's entries after a place, with what became of them.
SELECT e.place, e.named, e.is_source, e.is_open, e.member_id, e.error
FROM async_action_entries e
WHERE e.merchant_id = $1 AND e.action_id = $2 AND e.place > $3
ORDER BY e.place
LIMIT $4;

-- name: blank_action_entries
-- Take a customer out of entries; what was still to be done with them is not done.
UPDATE async_action_entries
SET named = '', external_id = NULL, metadata = NULL, is_open = false,
    error = CASE WHEN is_open THEN 'The customer was erased' ELSE error END
WHERE merchant_id = $1 AND external_id = $2;

-- name: delete_all_actions
-- Forget everything that was to be done, over or not.
DELETE FROM async_actions WHERE merchant_id = $1;

-- name: delete_actions
-- Forget at most so many actions that were over before an instant, with their entries.
DELETE FROM async_actions
WHERE merchant_id = $1 AND id IN (
    SELECT a.id FROM async_actions a
    WHERE a.merchant_id = $1 AND NOT a.is_open AND a.updated_at < $2
    ORDER BY a.updated_at, a.id
    LIMIT $3);
