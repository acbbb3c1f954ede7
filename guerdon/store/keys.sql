-- name: insert_key
-- Add a key.
-- global: keys are looked up before the merchant is known
INSERT INTO keys (merchant_id, program_id, dialect, name, app_id, secret_hash, secret_hint, access,
    scopes, is_managed, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::text[], $10, $11::timestamptz)
RETURNING id;

-- name: find_key_by_hash
-- A key by the hash of its secret, revoked or not.
-- global: keys are looked up before the merchant is known
SELECT id, merchant_id, program_id, dialect, name, app_id, secret_hash, secret_hint, access,
       scopes, is_managed, created_at, revoked_at
FROM keys
WHERE secret_hash = $1;

-- name: list_keys
-- A merchant's keys, oldest first.
-- global: keys are shared by all dialects' front doors
SELECT id, merchant_id, program_id, dialect, name, app_id, secret_hash, secret_hint, access,
       scopes, is_managed, created_at, revoked_at
FROM keys
WHERE merchant_id = $1
ORDER BY id;

-- name: revoke_key
-- End a key; one already revoked keeps its time.
-- global: keys are shared by all dialects' front doors
UPDATE keys SET revoked_at = $3::timestamptz
WHERE merchant_id = $1 AND id = $2 AND revoked_at IS NULL;

-- name: update_key
-- Make a key that a program file owns what the file says; it lives again if it was revoked.
-- global: keys are shared by all dialects' front doors
UPDATE keys
SET program_id = $3, name = $4, app_id = $5, secret_hash = $6, secret_hint = $7, access = $8,
    scopes = $9::text[], revoked_at = NULL
WHERE merchant_id = $1 AND id = $2 AND is_managed;
