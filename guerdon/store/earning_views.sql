-- name: count_earning_views
-- How many earnings a member has, all or of one status.
SELECT count(*)
FROM earnings
WHERE merchant_id = $1 AND member_id = $2 AND ($3::text IS NULL OR status = $3);

-- name: list_earning_views
-- A page of a member's earnings; those not given yet come last by the time they were given.
SELECT id, program_id, member_id, wallet_id, rule_id, lot_id, action, status, base_points,
       multiplier_permille, points, points_reversed, order_id, order_number, ordered_at, once_key,
       action_key, is_manual, note, metadata, due_at, given_at, expires_at, created_at, updated_at
FROM earnings
WHERE merchant_id = $1 AND member_id = $2 AND ($3::text IS NULL OR status = $3)
ORDER BY CASE $4::text WHEN 'points' THEN points WHEN '-points' THEN -points END,
         CASE $4::text WHEN 'given_at' THEN given_at END ASC NULLS LAST,
         CASE $4::text WHEN '-given_at' THEN given_at END DESC NULLS LAST,
         CASE WHEN starts_with($4::text, '-') THEN -id ELSE id END
LIMIT $5 OFFSET $6;
