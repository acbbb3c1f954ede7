-- name: list_free_codes
-- The next free codes of pools; while their counters are locked, nobody else takes them.
SELECT wanted.reward_id, free.code
FROM unnest($2::bigint[], $3::integer[]) AS wanted (reward_id, count)
CROSS JOIN LATERAL (
    SELECT p.code FROM pool_codes p
    WHERE p.merchant_id = $1 AND p.reward_id = wanted.reward_id AND p.redemption_id IS NULL
    ORDER BY p.id
    LIMIT wanted.count
) AS free;

-- name: take_codes
-- Give codes to their redemptions.
UPDATE pool_codes p
SET redemption_id = c.redemption_id
FROM unnest($2::text[], $3::bigint[]) AS c (code, redemption_id)
WHERE p.merchant_id = $1 AND p.code = c.code AND p.redemption_id IS NULL;
