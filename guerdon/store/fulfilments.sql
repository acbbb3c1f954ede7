-- name: list_fulfilments
-- What handing over these redemptions has come to.
SELECT redemption_id, code, reference, attempts, next_at, leased_until, last_error, is_open,
       created_at, updated_at
FROM fulfilments
WHERE merchant_id = $1 AND redemption_id = ANY ($2::bigint[]);

-- name: open_fulfilment
-- Leave something to do at an instant; what is known of it already stays.
INSERT INTO fulfilments (merchant_id, redemption_id, code, attempts, next_at, last_error, is_open,
    created_at, updated_at)
VALUES ($1, $2, $3, $4, $5::timestamptz, $6, true, $7::timestamptz, $7::timestamptz)
ON CONFLICT (merchant_id, redemption_id) DO UPDATE
SET next_at = excluded.next_at, is_open = true,
    code = coalesce(fulfilments.code, excluded.code),
    attempts = greatest(fulfilments.attempts, excluded.attempts),
    last_error = coalesce(excluded.last_error, fulfilments.last_error),
    updated_at = excluded.updated_at;

-- name: replace_code
-- Choose another code in place of one that was taken, unless a rival did; give the one that counts.
INSERT INTO fulfilments (merchant_id, redemption_id, code, attempts, next_at, is_open, created_at,
    updated_at)
VALUES ($1, $2, $4, 1, $5::timestamptz, true, $6::timestamptz, $6::timestamptz)
ON CONFLICT (merchant_id, redemption_id) DO UPDATE
SET code = CASE WHEN coalesce(fulfilments.code, $3) = $3 THEN excluded.code
                ELSE fulfilments.code END,
    updated_at = excluded.updated_at
RETURNING code;

-- name: put_reference
-- Keep the platform's name for what it made.
INSERT INTO fulfilments (merchant_id, redemption_id, reference, attempts, next_at, is_open,
    created_at, updated_at)
VALUES ($1, $2, $3, 1, $4::timestamptz, true, $5::timestamptz, $5::timestamptz)
ON CONFLICT (merchant_id, redemption_id) DO UPDATE
SET reference = excluded.reference, updated_at = excluded.updated_at;

-- name: adopt_pending
-- Take over pending redemptions that nobody has touched since an instant.
INSERT INTO fulfilments (merchant_id, redemption_id, attempts, next_at, is_open, created_at,
    updated_at)
SELECT $1, r.id, 1, $3::timestamptz, true, $3::timestamptz, $3::timestamptz
FROM redemptions r
WHERE r.merchant_id = $1 AND r.status = 'pending' AND r.updated_at < $2::timestamptz
  AND r.fulfilment <> 'queued'
  AND NOT EXISTS (SELECT 1 FROM fulfilments f WHERE f.merchant_id = $1 AND f.redemption_id = r.id)
ORDER BY r.updated_at
LIMIT $4
ON CONFLICT (merchant_id, redemption_id) DO NOTHING;

-- name: adopt_handing_over
-- Take up what was approved and has yet to be handed over, of some rewards.
INSERT INTO fulfilments (merchant_id, redemption_id, attempts, next_at, is_open, created_at,
    updated_at)
SELECT $1, r.id, 0, $3::timestamptz, true, $3::timestamptz, $3::timestamptz
FROM redemptions r
WHERE r.merchant_id = $1 AND r.status = 'approved' AND r.fulfilment = 'open'
  AND r.reward_id = ANY ($2::bigint[])
  AND NOT EXISTS (SELECT 1 FROM fulfilments f WHERE f.merchant_id = $1 AND f.redemption_id = r.id)
ORDER BY r.reward_id, r.id
LIMIT $4
ON CONFLICT (merchant_id, redemption_id) DO NOTHING;

-- name: claim_fulfilments
-- Take what is due in hand until an instant; what a rival has in hand is passed over.
WITH due AS (
    SELECT redemption_id
    FROM fulfilments
    WHERE merchant_id = $1 AND is_open AND next_at <= $2::timestamptz
      AND (leased_until IS NULL OR leased_until <= $2::timestamptz)
    ORDER BY next_at, redemption_id
    LIMIT $4
    FOR UPDATE SKIP LOCKED
)
UPDATE fulfilments f
SET leased_until = $3::timestamptz, attempts = f.attempts + 1, updated_at = $2::timestamptz
FROM due
WHERE f.merchant_id = $1 AND f.redemption_id = due.redemption_id
RETURNING f.redemption_id, f.code, f.reference, f.attempts, f.next_at, f.leased_until, f.last_error,
          f.is_open, f.created_at, f.updated_at;

-- name: claim_fulfilment
-- Take one in hand whether or not it is due, unless somebody has it in hand.
UPDATE fulfilments
SET leased_until = $4::timestamptz, attempts = attempts + 1, is_open = true,
    updated_at = $3::timestamptz
WHERE merchant_id = $1 AND redemption_id = $2
  AND (leased_until IS NULL OR leased_until <= $3::timestamptz)
RETURNING redemption_id, code, reference, attempts, next_at, leased_until, last_error, is_open,
          created_at, updated_at;

-- name: put_off_fulfilment
-- Let go of one that is to be tried again.
UPDATE fulfilments
SET leased_until = NULL, next_at = $3::timestamptz, last_error = $4,
    updated_at = $5::timestamptz
WHERE merchant_id = $1 AND redemption_id = $2;

-- name: close_fulfilment
-- Nothing is left to do, unless something came up since it was claimed, which moved its time.
UPDATE fulfilments
SET leased_until = NULL, is_open = next_at <> $5::timestamptz, last_error = $3,
    updated_at = $4::timestamptz
WHERE merchant_id = $1 AND redemption_id = $2;

-- name: page_redemptions
-- Redemptions, the newest first, by status, or those only that have been tried and are not done.
SELECT r.id
FROM redemptions r
LEFT JOIN fulfilments f ON f.merchant_id = r.merchant_id AND f.redemption_id = r.id
WHERE r.merchant_id = $1
  AND ($2::text IS NULL OR r.status = $2)
  AND (NOT $3::boolean OR (f.is_open AND f.last_error IS NOT NULL)
       OR (r.status = 'pending' AND r.updated_at < $4::timestamptz))
ORDER BY r.id DESC
LIMIT $5;
