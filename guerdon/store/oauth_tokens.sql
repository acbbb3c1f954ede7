-- name: insert_oauth_token
-- Add a token.
INSERT INTO oauth_tokens (merchant_id, id, key_id, token_hash, scopes, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5::text[], $6::timestamptz, $7::timestamptz);

-- name: count_oauth_tokens
-- How many tokens a merchant has, live or not yet cleared away.
SELECT count(*) FROM oauth_tokens WHERE merchant_id = $1;

-- name: delete_expired_oauth_tokens
-- Clear away the tokens of a merchant that have run out.
DELETE FROM oauth_tokens WHERE merchant_id = $1 AND expires_at <= $2::timestamptz;

-- name: find_oauth_token
-- A token by the hash of its text, with the key that it stands for; both may have ended.
SELECT t.scopes AS token_scopes, t.created_at AS granted_at, t.expires_at,
    k.id, k.merchant_id, k.program_id, k.dialect, k.name, k.app_id, k.secret_hash, k.secret_hint,
    k.access, k.scopes, k.is_managed, k.created_at, k.revoked_at
FROM oauth_tokens t
JOIN keys k ON k.id = t.key_id AND k.merchant_id = $1
WHERE t.merchant_id = $1 AND t.token_hash = $2;

-- name: delete_oauth_token
-- End a token.
DELETE FROM oauth_tokens WHERE merchant_id = $1 AND token_hash = $2;
