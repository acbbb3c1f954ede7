-- name: list_newest_activities
-- A page of a program's earnings in default wallets, the latest first; what was given by hand is
-- none of them.
SELECT id, program_id, member_id, wallet_id, rule_id, lot_id, action, status, base_points,
       multiplier_permille, points, points_reversed, order_id, order_number, ordered_at, once_key,
       action_key, is_manual, note, metadata, due_at, given_at, expires_at, created_at, updated_at
FROM earnings
WHERE merchant_id = $1 AND program_id = $2 AND id > $3 AND id < $4 AND NOT is_manual
  AND EXISTS (
      SELECT FROM wallets w
      WHERE w.merchant_id = $1 AND w.id = earnings.wallet_id AND w.is_default
  )
  AND ($5::timestamptz IS NULL OR created_at >= $5::timestamptz)
  AND ($6::timestamptz IS NULL OR created_at < $6::timestamptz)
  AND ($7::timestamptz IS NULL OR updated_at >= $7::timestamptz)
  AND ($8::timestamptz IS NULL OR updated_at < $8::timestamptz)
ORDER BY merchant_id DESC, id DESC
LIMIT $9 OFFSET $10;

-- name: list_oldest_activities
-- A page of a program's earnings in default wallets, the first first; what was given by hand is none
-- of them.
SELECT id, program_id, member_id, wallet_id, rule_id, lot_id, action, status, base_points,
       multiplier_permille, points, points_reversed, order_id, order_number, ordered_at, once_key,
       action_key, is_manual, note, metadata, due_at, given_at, expires_at, created_at, updated_at
FROM earnings
WHERE merchant_id = $1 AND program_id = $2 AND id > $3 AND id < $4 AND NOT is_manual
  AND EXISTS (
      SELECT FROM wallets w
      WHERE w.merchant_id = $1 AND w.id = earnings.wallet_id AND w.is_default
  )
  AND ($5::timestamptz IS NULL OR created_at >= $5::timestamptz)
  AND ($6::timestamptz IS NULL OR created_at < $6::timestamptz)
  AND ($7::timestamptz IS NULL OR updated_at >= $7::timestamptz)
  AND ($8::timestamptz IS NULL OR updated_at < $8::timestamptz)
ORDER BY merchant_id, id
LIMIT $9 OFFSET $10;

-- name: name_earning
-- Give an earning that has none the caller's own id, unless the rule has another one of that id.
UPDATE earnings SET action_key = $4
WHERE merchant_id = $1 AND member_id = $2 AND rule_id = $3 AND action_key IS NULL
  AND status <> 'rejected'
  AND NOT EXISTS (
      SELECT 1 FROM earnings other
      WHERE other.merchant_id = $1 AND other.rule_id = $3 AND other.action_key = $4);
