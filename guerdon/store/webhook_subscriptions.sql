-- name: insert_subscription
-- Add a subscription.
INSERT INTO webhook_subscriptions (merchant_id, id, program_id, dialect, url, events, description,
    is_active, is_managed, secret_sealed, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6::text[], $7, $8, $9, $10, $11::timestamptz, $12::timestamptz);

-- name: count_subscriptions
-- How many subscriptions a dialect shows of a program.
SELECT count(id)
FROM webhook_subscriptions
WHERE merchant_id = $1 AND dialect = $2 AND program_id IS NOT DISTINCT FROM $3::bigint;

-- name: list_subscriptions
-- A page of what a dialect shows of a program, newest first.
SELECT id, dialect, program_id, url, events, description, is_active, is_managed, created_at,
       updated_at
FROM webhook_subscriptions
WHERE merchant_id = $1 AND dialect = $2 AND program_id IS NOT DISTINCT FROM $3::bigint
ORDER BY created_at DESC, id DESC
OFFSET $4 LIMIT $5;

-- name: find_subscription
-- One subscription, if the dialect shows it of this program.
SELECT id, dialect, program_id, url, events, description, is_active, is_managed, created_at,
       updated_at
FROM webhook_subscriptions
WHERE merchant_id = $1 AND id = $2 AND dialect = $3
  AND program_id IS NOT DISTINCT FROM $4::bigint;

-- name: lock_subscription
-- One subscription, kept from rivals until the commit.
SELECT id, dialect, program_id, url, events, description, is_active, is_managed, created_at,
       updated_at
FROM webhook_subscriptions
WHERE merchant_id = $1 AND id = $2 AND dialect = $3
  AND program_id IS NOT DISTINCT FROM $4::bigint
ORDER BY merchant_id, id
FOR UPDATE;

-- name: update_subscription
-- Change a subscription; its secret stays, and failures are counted anew.
UPDATE webhook_subscriptions
SET url = $3, events = $4::text[], description = $5, is_active = $6, updated_at = $7::timestamptz,
    failures = 0, failing_since = NULL
WHERE merchant_id = $1 AND id = $2;

-- name: replace_secret
-- Give a subscription another secret; the old one is gone.
UPDATE webhook_subscriptions SET secret_sealed = $3, updated_at = $4::timestamptz
WHERE merchant_id = $1 AND id = $2;

-- name: delete_subscription
-- Remove a subscription and its secret.
DELETE FROM webhook_subscriptions WHERE merchant_id = $1 AND id = $2;

-- name: list_managed_subscriptions
-- Every subscription that the program file owns, with its secret.
SELECT id, dialect, program_id, url, events, description, is_active, is_managed, created_at,
       updated_at, secret_sealed
FROM webhook_subscriptions
WHERE merchant_id = $1 AND is_managed
ORDER BY id;

-- name: list_all_subscriptions
-- Every subscription of a merchant, whatever its dialect and program.
SELECT id, dialect, program_id, url, events, description, is_active, is_managed, created_at,
       updated_at
FROM webhook_subscriptions
WHERE merchant_id = $1
ORDER BY id;

-- name: forget_failures
-- A subscription's calls are taken again.
UPDATE webhook_subscriptions SET failures = 0, failing_since = NULL
WHERE merchant_id = $1 AND id = $2 AND failures > 0;

-- name: count_failures
-- Count failed calls of a subscription on, or anew where one was taken between. Gives the counts.
UPDATE webhook_subscriptions
SET failures = CASE WHEN $3 THEN $4 ELSE failures + $4 END,
    failing_since = CASE WHEN $3 OR failing_since IS NULL THEN $5::timestamptz
        ELSE failing_since END
WHERE merchant_id = $1 AND id = $2
RETURNING dialect, failures, failing_since;

-- name: switch_off
-- Send a subscription no more calls, until somebody switches it on again.
UPDATE webhook_subscriptions
SET is_active = false, failures = 0, failing_since = NULL, updated_at = $3::timestamptz
WHERE merchant_id = $1 AND id = $2 AND is_active;

-- name: list_addressed_subscriptions
-- The subscriptions that letters go to, each with its secret: all, or one.
SELECT id, dialect, program_id, url, events, description, is_active, is_managed, created_at,
       updated_at, secret_sealed
FROM webhook_subscriptions
WHERE merchant_id = $1 AND is_active AND ($2::bigint IS NULL OR id = $2)
ORDER BY id;

-- name: list_failures
-- The subscriptions whose last calls failed: how many in a row, and since when.
SELECT id, failures, failing_since
FROM webhook_subscriptions
WHERE merchant_id = $1 AND failures > 0
ORDER BY id;
