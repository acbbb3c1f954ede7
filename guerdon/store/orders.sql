-- name: find_order
-- An order by the shop's own id.
SELECT id, program_id, order_key, member_id, external_id, email, is_guest, document, metadata,
       revision, is_open, created_at, updated_at
FROM orders
WHERE merchant_id = $1 AND program_id = $2 AND order_key = $3;

-- name: lock_order
-- An order by the shop's own id, kept from others until the commit.
SELECT id, program_id, order_key, member_id, external_id, email, is_guest, document, metadata,
       revision, is_open, created_at, updated_at
FROM orders
WHERE merchant_id = $1 AND program_id = $2 AND order_key = $3
ORDER BY id
FOR NO KEY UPDATE;

-- name: insert_order
-- Begin an order, unless somebody else did meanwhile.
INSERT INTO orders (merchant_id, id, program_id, order_key, member_id, external_id, email,
    is_guest, document, metadata, revision, is_open, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::json, $10::json, $11, $12, $13::timestamptz,
    $14::timestamptz)
ON CONFLICT (merchant_id, program_id, order_key) DO NOTHING
RETURNING id;

-- name: update_order
-- Write what is stated of an order by now, and what came of it.
UPDATE orders
SET member_id = $3, external_id = $4, email = $5, is_guest = $6, document = $7::json,
    metadata = $8::json, revision = $9, is_open = $10, updated_at = $11::timestamptz
WHERE merchant_id = $1 AND id = $2;

-- name: list_newest_orders
-- A page of orders, the latest first.
SELECT id, program_id, order_key, member_id, external_id, email, is_guest, document, metadata,
       revision, is_open, created_at, updated_at
FROM orders
WHERE merchant_id = $1 AND program_id = $2 AND id > $3 AND id < $4
  AND ($5::timestamptz IS NULL OR created_at >= $5::timestamptz)
  AND ($6::timestamptz IS NULL OR created_at <= $6::timestamptz)
  AND ($7::timestamptz IS NULL OR updated_at >= $7::timestamptz)
  AND ($8::timestamptz IS NULL OR updated_at <= $8::timestamptz)
ORDER BY id DESC
LIMIT $9 OFFSET $10;

-- name: list_oldest_orders
-- A page of orders, the first first.
SELECT id, program_id, order_key, member_id, external_id, email, is_guest, document, metadata,
       revision, is_open, created_at, updated_at
FROM orders
WHERE merchant_id = $1 AND program_id = $2 AND id > $3 AND id < $4
  AND ($5::timestamptz IS NULL OR created_at >= $5::timestamptz)
  AND ($6::timestamptz IS NULL OR created_at <= $6::timestamptz)
  AND ($7::timestamptz IS NULL OR updated_at >= $7::timestamptz)
  AND ($8::timestamptz IS NULL OR updated_at <= $8::timestamptz)
ORDER BY id
LIMIT $9 OFFSET $10;

-- name: list_open_orders
-- Orders of which something is still to be done, and not by somebody who only just began.
SELECT id, program_id, order_key, member_id, external_id, email, is_guest, document, metadata,
       revision, is_open, created_at, updated_at
FROM orders
WHERE merchant_id = $1 AND is_open AND updated_at <= $2::timestamptz AND id > $3
ORDER BY id
LIMIT $4;

-- name: delete_orders_of_member
-- Forget the orders of a member.
DELETE FROM orders WHERE merchant_id = $1 AND member_id = $2;

-- name: delete_orders_of_customer
-- Forget the orders of whom the shop knows by this id.
DELETE FROM orders WHERE merchant_id = $1 AND external_id = $2;

-- name: list_orders_by_key
-- An order of the shop's in each program that it was stated for, the oldest first.
SELECT id, program_id, order_key, member_id, external_id, email, is_guest, document, metadata,
       revision, is_open, created_at, updated_at
FROM orders
WHERE merchant_id = $1 AND program_id = ANY ($2::bigint[]) AND order_key = $3
ORDER BY id;

-- name: find_order_by_id
-- An order by our own id.
SELECT id, program_id, order_key, member_id, external_id, email, is_guest, document, metadata,
       revision, is_open, created_at, updated_at
FROM orders
WHERE merchant_id = $1 AND id = $2;

-- name: list_orders_by_keys
-- Orders of a program by the shop's own ids.
SELECT id, program_id, order_key, member_id, external_id, email, is_guest, document, metadata,
       revision, is_open, created_at, updated_at
FROM orders
WHERE merchant_id = $1 AND program_id = $2 AND order_key = ANY ($3::text[]);
