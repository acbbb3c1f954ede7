-- name: apply_changes
-- Take a run of ids and change every row that a batch changes in place, in one round trip.
-- Its wallets are locked; counters are locked here before the sequence, in key order, as batches that
-- take no locks do. So no two of them wait for each other.
WITH locked_counters AS (
    SELECT r.reward_id
    FROM reward_counters r
    WHERE r.merchant_id = $1 AND r.reward_id = ANY ($14::text::bigint[])
    ORDER BY r.reward_id
    FOR NO KEY UPDATE
), taken AS (
    UPDATE sequences SET next_id = next_id + $2::bigint
    WHERE merchant_id = $1 AND (SELECT count(*) FROM locked_counters) >= 0
    RETURNING next_id, catalogue_version
), changed_wallets AS (
    UPDATE wallets w
    SET is_frozen = c.is_frozen, tier_id = c.tier_id, points_available = c.points_available,
        points_held = c.points_held, points_pending = c.points_pending,
        points_lifetime = c.points_lifetime, points_redeemed = c.points_redeemed,
        points_owed = c.points_owed, version = w.version + 1, batch = $17::bigint, updated_at = $3::timestamptz,
        tier_entered_at = CASE WHEN w.tier_id IS DISTINCT FROM c.tier_id THEN $3::timestamptz
            ELSE w.tier_entered_at END
    FROM unnest($4::text::bigint[], $5::text::boolean[], $6::text::bigint[], $7::text::bigint[], $8::text::bigint[],
        $9::text::bigint[], $10::text::bigint[], $11::text::bigint[], $18::text::bigint[])
        AS c (id, is_frozen, tier_id, points_available, points_held, points_pending,
            points_lifetime, points_redeemed, points_owed)
    WHERE w.merchant_id = $1 AND w.id = c.id
), changed_lots AS (
    UPDATE lots l
    SET points_remaining = c.points_remaining, is_open = c.points_remaining > 0
    FROM unnest($12::text::bigint[], $13::text::bigint[]) AS c (id, points_remaining)
    WHERE l.merchant_id = $1 AND l.id = c.id
), changed_counters AS (
    UPDATE reward_counters r
    SET redemptions_live = r.redemptions_live + c.redemptions,
        units_live = r.units_live + c.units
    FROM unnest($14::text::bigint[], $15::text::bigint[], $16::text::bigint[]) AS c (reward_id, redemptions, units)
    WHERE r.merchant_id = $1 AND r.reward_id = c.reward_id
)
SELECT next_id - $2::bigint AS first_id, catalogue_version FROM taken;
