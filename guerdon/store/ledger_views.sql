-- name: list_entries_of_member
-- A member's ledger, from its beginning.
SELECT e.id, e.wallet_id, e.kind, e.points, e.points_after, e.lot_ids, e.lot_points, e.created_at,
       e.lifetime_points, e.asked_points, e.redemption_id, e.earning_id, e.note,
       e.pending_points, e.owed_points
FROM entries e
JOIN wallets w ON w.merchant_id = e.merchant_id AND w.id = e.wallet_id
WHERE e.merchant_id = $1 AND w.member_id = $2
ORDER BY e.id
LIMIT $3;

-- name: list_lots_of_member
-- A member's lots that still hold points, as they are drawn first in, first out.
SELECT l.id, l.points_remaining, l.effective_at, l.expires_at
FROM lots l
JOIN wallets w ON w.merchant_id = l.merchant_id AND w.id = l.wallet_id
WHERE l.merchant_id = $1 AND w.member_id = $2 AND l.is_open
ORDER BY l.effective_at, l.id;
