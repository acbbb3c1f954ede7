-- name: list_customers
-- Customers by the shop's own ids.
SELECT id, external_id, email, name, phone, description, document, metadata, created_at, updated_at
FROM customers
WHERE merchant_id = $1 AND external_id = ANY ($2::text[])
ORDER BY id;

-- name: lock_customer
-- A customer, kept from other writers until the commit.
SELECT id, external_id, email, name, phone, description, document, metadata, created_at, updated_at
FROM customers
WHERE merchant_id = $1 AND external_id = $2
ORDER BY id
FOR NO KEY UPDATE;

-- name: insert_customer
-- Add a customer.
INSERT INTO customers (merchant_id, id, external_id, email, name, phone, description, document,
    metadata, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8::text::json, $9::text::json, $10, $11);

-- name: update_customer
-- Change what is known of a customer.
UPDATE customers
SET email = $3, name = $4, phone = $5, description = $6, document = $7::text::json,
    metadata = $8::text::json, updated_at = $9
WHERE merchant_id = $1 AND id = $2;

-- name: delete_customers
-- Forget what was stated of a customer.
DELETE FROM customers WHERE merchant_id = $1 AND external_id = $2;

-- name: delete_all_customers
-- Forget every customer of whom something was stated.
DELETE FROM customers WHERE merchant_id = $1;

-- name: list_members_of_customers
-- Members of these programs, by the shop's own ids; who left is a member no more.
SELECT id, program_id, external_id, email, first_name, last_name, birthday, created_at
FROM members
WHERE merchant_id = $1 AND program_id = ANY ($2::bigint[]) AND external_id = ANY ($3::text[])
  AND left_at IS NULL
ORDER BY id;
