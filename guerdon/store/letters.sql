-- name: list_letter_events
-- Events by id, with what a platform calls the thing that it handed over.
SELECT e.id, e.kind, e.program_id, e.member_id, e.redemption_id, e.earning_id, e.facts,
       e.created_at, f.reference
FROM events e
LEFT JOIN fulfilments f ON f.merchant_id = e.merchant_id AND f.redemption_id = e.redemption_id
WHERE e.merchant_id = $1 AND e.id = ANY ($2::text::bigint[]);

-- name: list_recipients
-- Members with the figures of their default wallets, without what has expired.
SELECT m.id, m.program_id, m.external_id, m.email, m.first_name, m.last_name, m.birthday,
       m.anniversary, m.referral_code, m.metadata, m.created_at, m.updated_at, m.left_at,
       w.is_frozen, w.tier_id,
       w.points_available - w.points_owed - coalesce(l.points_due, 0)::bigint
           AS points_available,
       w.points_held, w.points_pending, w.points_lifetime, w.points_redeemed
FROM members m
JOIN wallets w ON w.member_id = m.id AND w.is_default
LEFT JOIN LATERAL (
    SELECT sum(lots.points_remaining) AS points_due
    FROM lots
    WHERE lots.merchant_id = $1 AND lots.wallet_id = w.id AND lots.is_open
      AND lots.expires_at <= $3::timestamptz
) l ON true
WHERE m.merchant_id = $1 AND w.merchant_id = $1 AND m.id = ANY ($2::text::bigint[]);
