-- name: list_traits
-- What the shop says of members, and of the customers that they are.
SELECT m.id, m.metadata, c.metadata AS customer_metadata
FROM members m
LEFT JOIN customers c ON c.merchant_id = $1 AND c.external_id = m.external_id
WHERE m.merchant_id = $1 AND m.id = ANY ($2::bigint[]);
