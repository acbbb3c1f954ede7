-- name: count_redemption_views
-- How many rewards a member was given, of any or of one status as callers see it.
SELECT count(*)
FROM redemptions
WHERE merchant_id = $1 AND member_id = $2 AND status IN ('approved', 'used', 'expired', 'void')
  AND ($3::text IS NULL OR $3 = CASE
      WHEN status = 'used' THEN 'used'
      WHEN status = 'approved' AND (expires_at IS NULL OR expires_at > $4::timestamptz)
          AND (auto_refund_at IS NULL OR auto_refund_at > $4::timestamptz
              OR fulfilled_at IS NOT NULL OR used_at IS NOT NULL)
          THEN 'active'
      ELSE 'expired' END);

-- name: list_redemption_views
-- A page of the rewards a member was given; pending and declined ones were not.
SELECT id, program_id, member_id, wallet_id, reward_id, reward_version_id, status, units,
       units_refunded, units_returned, points_cost, points_refunded, lot_ids, lot_points,
       entry_id, code, fulfilment, is_grant, reason, context, expires_at, auto_refund_at, used_at,
       fulfilled_at, refunded_at, created_at, updated_at
FROM redemptions
WHERE merchant_id = $1 AND member_id = $2 AND status IN ('approved', 'used', 'expired', 'void')
  AND ($3::text IS NULL OR $3 = CASE
      WHEN status = 'used' THEN 'used'
      WHEN status = 'approved' AND (expires_at IS NULL OR expires_at > $4::timestamptz)
          AND (auto_refund_at IS NULL OR auto_refund_at > $4::timestamptz
              OR fulfilled_at IS NOT NULL OR used_at IS NOT NULL)
          THEN 'active'
      ELSE 'expired' END)
ORDER BY CASE $5::text WHEN 'points_cost' THEN points_cost
             WHEN '-points_cost' THEN -points_cost END,
         CASE WHEN starts_with($5::text, '-') THEN -id ELSE id END
LIMIT $6 OFFSET $7;

-- name: list_member_redemptions
-- A page of all that a member took, beyond an id; in falling order unless $4.
SELECT id, program_id, member_id, wallet_id, reward_id, reward_version_id, status, units,
       units_refunded, units_returned, points_cost, points_refunded, lot_ids, lot_points,
       entry_id, code, fulfilment, is_grant, reason, context, expires_at, auto_refund_at, used_at,
       fulfilled_at, refunded_at, created_at, updated_at
FROM redemptions
WHERE merchant_id = $1 AND member_id = $2
  AND ($3::bigint IS NULL OR CASE WHEN $4::boolean THEN id > $3 ELSE id < $3 END)
ORDER BY CASE WHEN $4::boolean THEN id ELSE -id END
LIMIT $5;

-- name: list_platform_redemptions
-- A page of redemptions that a platform holds something of, in the order of ids, each with the code
-- that counts.
SELECT r.id, r.status, coalesce(f.code, r.code) AS code, r.expires_at,
       v.definition ->> 'fulfil_by' AS fulfil_by
FROM redemptions r
JOIN reward_versions v ON v.merchant_id = r.merchant_id AND v.id = r.reward_version_id
LEFT JOIN fulfilments f ON f.merchant_id = r.merchant_id AND f.redemption_id = r.id
WHERE r.merchant_id = $1 AND r.id > $2
  AND v.definition ->> 'fulfil_by' IN ('shopify', 'shopify_pool', 'gift_card')
ORDER BY r.id
LIMIT $3;
