-- name: list_integrations
-- The platforms a merchant is connected to.
SELECT kind, definition, secret_sealed, created_at, updated_at
FROM integrations
WHERE merchant_id = $1
ORDER BY kind;

-- name: put_integration
-- Connect a merchant to a platform, or change how.
INSERT INTO integrations (merchant_id, kind, definition, secret_sealed, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5::timestamptz, $6::timestamptz)
ON CONFLICT (merchant_id, kind) DO UPDATE
SET definition = excluded.definition, secret_sealed = excluded.secret_sealed,
    updated_at = excluded.updated_at;

-- name: delete_integration
-- Disconnect a merchant from a platform; its secrets are gone.
DELETE FROM integrations WHERE merchant_id = $1 AND kind = $2;
