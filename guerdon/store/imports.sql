-- name: find_import
-- How far a file has come.
SELECT rows_done, rows_refused, members_made, points_made, errors_bytes, is_finished, created_at
FROM imports
WHERE merchant_id = $1 AND program_id = $2 AND digest = $3;

-- name: lock_import
-- How far a file has come, kept until the commit, so that no rival imports the same rows.
SELECT rows_done, rows_refused, members_made, points_made, errors_bytes, is_finished, created_at
FROM imports
WHERE merchant_id = $1 AND program_id = $2 AND digest = $3
ORDER BY merchant_id, program_id, digest
FOR NO KEY UPDATE;

-- name: insert_import
-- Begin a file, unless it was begun before.
INSERT INTO imports (merchant_id, program_id, digest, file_name, rows_done, rows_refused,
    members_made, points_made, errors_bytes, is_finished, created_at, updated_at)
VALUES ($1, $2, $3, $4, 0, 0, 0, 0, 0, FALSE, $5::timestamptz, $5::timestamptz)
ON CONFLICT (merchant_id, program_id, digest) DO NOTHING;

-- name: update_import
-- Write down how far a file has come.
UPDATE imports
SET rows_done = $4, rows_refused = $5, members_made = $6, points_made = $7, errors_bytes = $8,
    is_finished = $9, updated_at = $10::timestamptz
WHERE merchant_id = $1 AND program_id = $2 AND digest = $3;

-- name: list_known_members
-- Which of these shoppers are members already, and since when.
SELECT external_id, created_at
FROM members
WHERE merchant_id = $1 AND program_id = $2 AND external_id = ANY ($3::text[]);

-- name: limit_waiting
-- Give up soon where a rival holds what this transaction needs.
SELECT set_config('lock_timeout', $1::text, TRUE);

-- name: put_card_codes
-- Give wallets that were just added the codes of their cards, from an id on.
UPDATE wallets w
SET code = c.code
FROM unnest($3::text[]) WITH ORDINALITY AS c (code, place)
WHERE w.merchant_id = $1 AND w.id = $2 + c.place - 1;
