-- name: insert_refused_adjustment
-- Keep a deduction that a wallet could not bear.
INSERT INTO refused_adjustments (merchant_id, id, wallet_id, member_id, points, reason, note,
    created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: blank_refused_adjustments
-- Take the free text from what a member's wallets could not bear.
UPDATE refused_adjustments SET note = NULL
WHERE merchant_id = $1 AND member_id = $2 AND wallet_id = ANY ($3::bigint[]) AND note IS NOT NULL;
