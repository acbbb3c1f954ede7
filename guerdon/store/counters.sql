-- name: list_counters
-- The counters of rewards that may run out, unlocked.
SELECT reward_id, redemptions_live, units_live
FROM reward_counters
WHERE merchant_id = $1 AND reward_id = ANY ($2::bigint[]);

-- name: lock_counters
-- Lock the counters of rewards that may run out, in key order.
SELECT reward_id, redemptions_live, units_live
FROM reward_counters
WHERE merchant_id = $1 AND reward_id = ANY ($2::bigint[])
ORDER BY reward_id
FOR NO KEY UPDATE;
