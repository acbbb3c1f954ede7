-- name: insert_platform_object
-- Begin to remember a thing that a platform tells of.
INSERT INTO platform_objects (merchant_id, source, kind, object_key, customer_key, document,
    created_at, updated_at)
VALUES ($1, $2, $3, $4, NULL, $5::json, $6::timestamptz, $6::timestamptz)
ON CONFLICT (merchant_id, source, kind, object_key) DO NOTHING;

-- name: lock_platform_object
-- What is remembered of a thing, kept from others until the commit.
SELECT document
FROM platform_objects
WHERE merchant_id = $1 AND source = $2 AND kind = $3 AND object_key = $4
ORDER BY object_key
FOR NO KEY UPDATE;

-- name: update_platform_object
-- Remember more of a thing.
UPDATE platform_objects
SET document = $5::json, customer_key = $6, updated_at = $7::timestamptz
WHERE merchant_id = $1 AND source = $2 AND kind = $3 AND object_key = $4;

-- name: delete_platform_objects_of_customer
-- Forget what is remembered of a customer and their orders.
DELETE FROM platform_objects
WHERE merchant_id = $1 AND source = $2 AND customer_key = $3;
