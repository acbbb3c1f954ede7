-- name: list_key_records
-- What was answered under these keys.
SELECT key, fingerprint, answer
FROM idempotency_records
WHERE merchant_id = $1 AND key = ANY ($2::text[]);

-- name: insert_key_records
-- Keep answers for those who ask again.
INSERT INTO idempotency_records (merchant_id, key, fingerprint, answer, created_at)
SELECT $1, k.key, k.fingerprint, k.answer, $2::timestamptz
FROM unnest($3::text[], $4::bytea[], $5::bytea[]) AS k (key, fingerprint, answer);

-- name: delete_old_key_records
-- Forget answers older than an instant, a few at a time.
DELETE FROM idempotency_records
WHERE merchant_id = $1 AND key IN (
    SELECT old.key FROM idempotency_records old
    WHERE old.merchant_id = $1 AND old.created_at < $2::timestamptz
    ORDER BY old.created_at
    LIMIT $3
);

-- name: claim_key
-- Begin an answer under a key; waits for a rival that has begun one, and leaves its answer alone.
INSERT INTO idempotency_records (merchant_id, key, fingerprint, answer, created_at)
VALUES ($1, $2, $3, ''::bytea, $4::timestamptz)
ON CONFLICT (merchant_id, key) DO NOTHING;

-- name: fill_key
-- Write the answer under a key claimed in this transaction.
UPDATE idempotency_records SET answer = $3 WHERE merchant_id = $1 AND key = $2;

-- name: delete_own_key_records
-- Forget answers that hold some bytes, of calls that gave no key: nobody can ask for them again.
DELETE FROM idempotency_records
WHERE merchant_id = $1 AND starts_with(key, 'once:') AND position($2::bytea IN answer) > 0;
