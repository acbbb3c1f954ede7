-- name: list_delivery_views
-- Deliveries with their events, the newest first: all, or those of a status or a destination.
SELECT d.id, d.destination, d.status, d.attempts, d.next_at, d.leased_until, d.last_error,
       d.created_at, d.updated_at, d.event_id, e.kind, d.member_id, m.external_id
FROM deliveries d
LEFT JOIN events e ON e.merchant_id = d.merchant_id AND e.id = d.event_id
LEFT JOIN members m ON m.merchant_id = d.merchant_id AND m.id = d.member_id
WHERE d.merchant_id = $1 AND ($2::text IS NULL OR d.status = $2)
  AND ($3::text IS NULL OR d.destination = $3)
ORDER BY d.merchant_id DESC, d.id DESC
LIMIT $4;

-- name: count_deliveries
-- How many deliveries of each destination stand how.
SELECT destination, status, count(*) AS deliveries
FROM deliveries
WHERE merchant_id = $1
GROUP BY destination, status
ORDER BY destination, status;
