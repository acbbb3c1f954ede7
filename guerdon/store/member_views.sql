-- name: find_member_by_external_id
-- A member by the shop's own id.
SELECT id FROM members WHERE merchant_id = $1 AND program_id = $2 AND external_id = $3;

-- name: find_member_by_email
-- The first member of an e-mail address, as the ledger would take it.
SELECT min(id) FROM members WHERE merchant_id = $1 AND program_id = $2 AND email = $3;

-- name: list_member_views
-- Members with the figures of their default wallets; what has expired is told apart.
SELECT m.id, m.program_id, m.external_id, m.email, m.first_name, m.last_name, m.birthday,
       m.anniversary, m.referral_code, m.metadata, m.created_at, m.updated_at, m.left_at,
       w.is_frozen, w.tier_id,
       w.points_available - w.points_owed - coalesce(l.points_due, 0)::bigint
           AS points_available,
       w.points_held, w.points_pending, w.points_lifetime, w.points_redeemed,
       l.next_expires_at, w.updated_at AS wallet_updated_at, w.tier_entered_at
FROM members m
JOIN wallets w ON w.member_id = m.id AND w.is_default
LEFT JOIN LATERAL (
    SELECT sum(lots.points_remaining) FILTER (WHERE lots.expires_at <= $3::timestamptz)
               AS points_due,
           min(lots.expires_at) FILTER (WHERE lots.expires_at > $3::timestamptz)
               AS next_expires_at
    FROM lots
    WHERE lots.merchant_id = $1 AND lots.wallet_id = w.id AND lots.is_open
) l ON true
WHERE m.merchant_id = $1 AND w.merchant_id = $1 AND m.id = ANY ($2::bigint[]);

-- name: count_members
-- How many members there are, all or those of a part of an e-mail address or of a status.
SELECT count(*)
FROM members m
WHERE m.merchant_id = $1 AND m.program_id = $2
  AND ($3::text IS NULL OR strpos(m.email, $3) > 0)
  AND ($4::boolean IS NULL OR EXISTS (
      SELECT 1 FROM wallets w
      WHERE w.merchant_id = $1 AND w.member_id = m.id AND w.is_default AND w.is_frozen = $4));

-- name: list_newest_members
-- A page of members, the latest first: ids rise with time, and their index is there anyway.
SELECT m.id
FROM members m
WHERE m.merchant_id = $1 AND m.program_id = $2
  AND ($3::text IS NULL OR strpos(m.email, $3) > 0)
  AND ($4::boolean IS NULL OR EXISTS (
      SELECT 1 FROM wallets w
      WHERE w.merchant_id = $1 AND w.member_id = m.id AND w.is_default AND w.is_frozen = $4))
ORDER BY m.merchant_id DESC, m.id DESC
LIMIT $5 OFFSET $6;

-- name: list_oldest_members
-- A page of members, the first first.
SELECT m.id
FROM members m
WHERE m.merchant_id = $1 AND m.program_id = $2
  AND ($3::text IS NULL OR strpos(m.email, $3) > 0)
  AND ($4::boolean IS NULL OR EXISTS (
      SELECT 1 FROM wallets w
      WHERE w.merchant_id = $1 AND w.member_id = m.id AND w.is_default AND w.is_frozen = $4))
ORDER BY m.merchant_id, m.id
LIMIT $5 OFFSET $6;

-- name: list_members_by_figure
-- A page of members by one figure of their default wallets; the sign turns the order.
SELECT m.id
FROM members m
JOIN wallets w ON w.member_id = m.id AND w.is_default
WHERE m.merchant_id = $1 AND w.merchant_id = $1 AND m.program_id = $2
  AND ($3::text IS NULL OR strpos(m.email, $3) > 0)
  AND ($4::boolean IS NULL OR w.is_frozen = $4)
ORDER BY $8::bigint * CASE $7::text
             WHEN 'points_available' THEN w.points_available - w.points_owed
             WHEN 'points_lifetime' THEN w.points_lifetime
             ELSE w.points_redeemed END,
         $8::bigint * m.id
LIMIT $5 OFFSET $6;
