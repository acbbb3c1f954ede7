-- name: insert_email_unsubscribe
-- Note that an address wants no e-mails of a program; once per address.
WITH taken AS (
    UPDATE sequences SET next_id = next_id + 1
    WHERE merchant_id = $1
    RETURNING next_id - 1 AS id
)
INSERT INTO email_unsubscribes (merchant_id, id, program_id, email, created_at)
SELECT $1, taken.id, $2, $3, $4::timestamptz
FROM taken
ON CONFLICT (merchant_id, program_id, email) DO NOTHING
RETURNING id;

-- name: find_external_id
-- The shop's own id of whoever has this address in a program; of several, the oldest member's.
SELECT external_id
FROM members
WHERE merchant_id = $1 AND email = $3 AND program_id = $2
ORDER BY id
LIMIT 1;

-- name: list_newest_email_unsubscribes
-- A page of a program's addresses, newest first, each with the shop's own id of who has it.
SELECT u.email, (
    SELECT m.external_id FROM members m
    WHERE m.merchant_id = $1 AND m.email = u.email AND m.program_id = $2
    ORDER BY m.id LIMIT 1) AS external_id
FROM email_unsubscribes u
WHERE u.merchant_id = $1 AND u.program_id = $2
ORDER BY u.id DESC
OFFSET $3 LIMIT $4;

-- name: list_email_unsubscribes_after
-- A page of a program's addresses above an id, in rising order.
SELECT u.email, (
    SELECT m.external_id FROM members m
    WHERE m.merchant_id = $1 AND m.email = u.email AND m.program_id = $2
    ORDER BY m.id LIMIT 1) AS external_id
FROM email_unsubscribes u
WHERE u.merchant_id = $1 AND u.program_id = $2 AND u.id > $3
ORDER BY u.id
LIMIT $4;

-- name: delete_email_unsubscribes
-- Forget an address in every program.
DELETE FROM email_unsubscribes WHERE merchant_id = $1 AND email = $2;
