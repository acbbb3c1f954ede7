-- name: list_free_codes
-- The next free codes of pools beyond an id; while their counters are locked, nobody else takes
-- them.
SELECT wanted.reward_id, free.code, free.id
FROM unnest($2::bigint[], $3::integer[], $4::bigint[]) AS wanted (reward_id, count, beyond)
CROSS JOIN LATERAL (
    SELECT p.code, p.id FROM pool_codes p
    WHERE p.merchant_id = $1 AND p.reward_id = wanted.reward_id AND p.redemption_id IS NULL
      AND p.id > wanted.beyond
    ORDER BY p.id
    LIMIT wanted.count
) AS free;

-- name: take_codes
-- Give codes to their redemptions.
UPDATE pool_codes p
SET redemption_id = c.redemption_id
FROM unnest($2::text[], $3::bigint[]) AS c (code, redemption_id)
WHERE p.merchant_id = $1 AND p.code = c.code AND p.redemption_id IS NULL;
