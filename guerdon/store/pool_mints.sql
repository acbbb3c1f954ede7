-- name: count_free_codes
-- How many codes are left in the pools of these rewards.
SELECT p.reward_id, count(1)::bigint AS codes
FROM pool_codes p
WHERE p.merchant_id = $1 AND p.reward_id = ANY ($2::bigint[]) AND p.redemption_id IS NULL
GROUP BY p.reward_id
ORDER BY p.reward_id;

-- name: list_open_mints
-- The rewards for which codes are on their way.
SELECT reward_id, attempts, last_error, next_at
FROM pool_mints
WHERE merchant_id = $1 AND is_open
ORDER BY reward_id;

-- name: list_stale_rewards
-- The rewards, each with its present terms, that have codes left of other terms.
SELECT t.reward_id
FROM unnest($2::bigint[], $3::text[]) AS t (reward_id, terms)
WHERE EXISTS (
    SELECT 1
    FROM pool_mints m
    JOIN pool_codes p ON p.merchant_id = m.merchant_id AND p.code = ANY (m.codes)
    WHERE m.merchant_id = $1 AND p.merchant_id = $1 AND m.reward_id = t.reward_id
      AND m.terms <> t.terms AND NOT m.is_open AND p.redemption_id IS NULL
)
ORDER BY t.reward_id;

-- name: delete_stale_codes
-- Take the codes of other terms out of a reward's pool, whose counter is locked; what was handed
-- out stays.
DELETE FROM pool_codes p
WHERE p.merchant_id = $1 AND p.reward_id = $2 AND p.redemption_id IS NULL
  AND p.code IN (
      SELECT c.code
      FROM pool_mints m
      CROSS JOIN LATERAL unnest(m.codes) AS c (code)
      WHERE m.merchant_id = $1 AND m.reward_id = $2 AND m.terms <> $3
  );

-- name: insert_mint
-- Keep codes that are about to be minted, unless others of the reward are.
INSERT INTO pool_mints (merchant_id, id, reward_id, terms, codes, is_open, attempts, next_at,
    created_at, updated_at)
VALUES ($1, $2, $3, $4, $5::text[], true, 0, $6::timestamptz, $6::timestamptz, $6::timestamptz)
ON CONFLICT (merchant_id, reward_id) WHERE is_open DO NOTHING;

-- name: claim_mints
-- Take in hand what is due to be minted; each counts as an attempt from here on.
UPDATE pool_mints m
SET leased_until = $3::timestamptz, attempts = m.attempts + 1, updated_at = $2::timestamptz
FROM (
    SELECT o.id
    FROM pool_mints o
    WHERE o.merchant_id = $1 AND o.is_open AND o.next_at <= $2::timestamptz
      AND (o.leased_until IS NULL OR o.leased_until <= $2::timestamptz)
    ORDER BY o.next_at, o.id
    LIMIT $4
    FOR UPDATE SKIP LOCKED
) AS due
WHERE m.merchant_id = $1 AND m.id = due.id
RETURNING m.id, m.reward_id, m.terms, m.codes, m.reference, m.attempts;

-- name: find_reference
-- What earlier codes of a reward with these terms are on.
SELECT reference
FROM pool_mints
WHERE merchant_id = $1 AND reward_id = $2 AND terms = $3 AND reference IS NOT NULL
ORDER BY id DESC
LIMIT 1;

-- name: forget_reference
-- Let the next codes of a reward with these terms begin anew.
UPDATE pool_mints SET reference = NULL
WHERE merchant_id = $1 AND reward_id = $2 AND terms = $3 AND reference IS NOT NULL;

-- name: close_mint
-- Note that nothing is left to do.
UPDATE pool_mints
SET is_open = false, reference = $3, last_error = $4, leased_until = NULL,
    updated_at = $5::timestamptz
WHERE merchant_id = $1 AND id = $2;

-- name: put_off_mint
-- Let go of what is to be tried again, with these codes.
UPDATE pool_mints
SET codes = $3::text[], next_at = $4::timestamptz, last_error = $5, leased_until = NULL,
    updated_at = $6::timestamptz
WHERE merchant_id = $1 AND id = $2 AND is_open;
