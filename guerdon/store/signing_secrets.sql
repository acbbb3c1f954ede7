-- name: find_signing_secret
-- What signs a program's webhooks in a dialect, sealed.
SELECT secret_sealed
FROM signing_secrets
WHERE merchant_id = $1 AND program_id = $2 AND dialect = $3;

-- name: insert_signing_secret
-- Keep a first secret; where there is one already, that stays.
INSERT INTO signing_secrets (merchant_id, program_id, dialect, secret_sealed, created_at,
    updated_at)
VALUES ($1, $2, $3, $4, $5::timestamptz, $5::timestamptz)
ON CONFLICT (merchant_id, program_id, dialect) DO NOTHING;

-- name: put_signing_secret
-- Keep another secret instead of the one there is, if there is one.
INSERT INTO signing_secrets (merchant_id, program_id, dialect, secret_sealed, created_at,
    updated_at)
VALUES ($1, $2, $3, $4, $5::timestamptz, $5::timestamptz)
ON CONFLICT (merchant_id, program_id, dialect)
DO UPDATE SET secret_sealed = EXCLUDED.secret_sealed, updated_at = EXCLUDED.updated_at;
