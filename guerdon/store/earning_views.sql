-- name: count_earning_views
-- How many earnings a member has in their default wallet, all or of one status.
SELECT count(*)
FROM earnings e
JOIN wallets w ON w.merchant_id = $1 AND w.id = e.wallet_id AND w.is_default
WHERE e.merchant_id = $1 AND e.member_id = $2 AND ($3::text IS NULL OR e.status = $3);

-- name: list_earning_views
-- A page of a member's earnings in their default wallet; those not given yet come last by the time
-- they were given.
SELECT e.id, e.program_id, e.member_id, e.wallet_id, e.rule_id, e.lot_id, e.action, e.status,
       e.base_points, e.multiplier_permille, e.points, e.points_reversed, e.order_id,
       e.order_number, e.ordered_at, e.once_key, e.action_key, e.is_manual, e.note, e.metadata,
       e.due_at, e.given_at, e.expires_at, e.created_at, e.updated_at
FROM earnings e
JOIN wallets w ON w.merchant_id = $1 AND w.id = e.wallet_id AND w.is_default
WHERE e.merchant_id = $1 AND e.member_id = $2 AND ($3::text IS NULL OR e.status = $3)
ORDER BY CASE $4::text WHEN 'points' THEN e.points WHEN '-points' THEN -e.points END,
         CASE $4::text WHEN 'given_at' THEN e.given_at END ASC NULLS LAST,
         CASE $4::text WHEN '-given_at' THEN e.given_at END DESC NULLS LAST,
         CASE WHEN starts_with($4::text, '-') THEN -e.id ELSE e.id END
LIMIT $5 OFFSET $6;
