-- name: list_wallets_and_lots
-- The wallets of the members that a batch names, each with its open lots; unlocked. And how far
-- the merchant's ids and offers have come, in every row; without a wallet, in a row of its own.
SELECT w.id, w.member_id, w.program_id, w.point_type_id, w.is_default, w.is_frozen, w.tier_id,
       w.points_available, w.points_held, w.points_pending, w.points_lifetime, w.points_redeemed,
       w.version, named.external_id, named.email, l.id, l.points_remaining, l.effective_at,
       l.expires_at, s.next_id, s.catalogue_version, w.ctid::text, l.ctid::text
FROM sequences s
LEFT JOIN ((
    SELECT wanted.id, NULL::text AS external_id, NULL::text AS email
    FROM unnest($2::text::bigint[]) AS wanted (id)
    UNION ALL
    SELECT m.id, m.external_id, NULL
    FROM unnest($3::text::bigint[], $4::text[]) AS wanted (program_id, external_id)
    JOIN members m ON m.program_id = wanted.program_id AND m.external_id = wanted.external_id
    WHERE m.merchant_id = $1
    UNION ALL
    SELECT m.id, NULL, m.email
    FROM unnest($5::text::bigint[], $6::text[]) AS wanted (program_id, email)
    JOIN members m ON m.program_id = wanted.program_id AND m.email = wanted.email
    WHERE m.merchant_id = $1
) AS named
    JOIN wallets w ON w.merchant_id = $1 AND w.member_id = named.id
    LEFT JOIN lots l ON l.merchant_id = $1 AND l.wallet_id = w.id AND l.is_open
) ON true
WHERE s.merchant_id = $1;

-- name: is_distributed
-- Whether the tables may be spread over several servers: whether Citus keeps its list of them.
SELECT to_regclass('pg_dist_partition') IS NOT NULL;

-- name: write_spends
-- Write redemptions that were decided without locks, if nothing they rest on has changed: every
-- wallet's version, where its row and its lots' rows lie, and the version of the offers. If anything
-- has, or a pool's code has gone, the division by zero at the end undoes it all.
-- Each part asks for the one before it, so that locks are taken in the order that every batch takes
-- them: wallets, counters, sequence.
-- local: on a distributed database every batch goes under locks.
WITH locked_wallets AS (
    -- An update takes its rows in whatever order it is planned in. So several are locked before it,
    -- and none is waited for: whoever holds one is changing it, and makes this statement stale.
    SELECT w.id
    FROM unnest($3::text::bigint[], $4::text::bigint[], $39::text::tid[]) AS c (id, version, place)
    JOIN wallets w ON w.ctid = c.place AND w.id = c.id AND w.version = c.version
    WHERE w.merchant_id = $1 AND cardinality($3::text::bigint[]) > 1
    ORDER BY w.member_id, w.id
    FOR NO KEY UPDATE OF w SKIP LOCKED
), changed_wallets AS (
    UPDATE wallets w
    SET points_available = c.points_available, points_held = c.points_held,
        points_redeemed = c.points_redeemed, version = w.version + 1,
        batch = $35::bigint, updated_at = $2::timestamptz
    FROM unnest($3::text::bigint[], $4::text::bigint[], $5::text::bigint[], $6::text::bigint[],
        $7::text::bigint[], $39::text::tid[])
        AS c (id, version, points_available, points_held, points_redeemed, place)
    WHERE w.merchant_id = $1 AND w.ctid = c.place AND w.id = c.id AND w.version = c.version
      AND ($8::bigint = 1 OR (SELECT count(*) FROM locked_wallets) = $8::bigint)
    RETURNING w.id
), changed_lots AS (
    UPDATE lots l
    SET points_remaining = c.points_remaining, is_open = c.points_remaining > 0
    FROM unnest($9::text::bigint[], $10::text::bigint[], $40::text::tid[])
        AS c (id, points_remaining, place)
    WHERE l.merchant_id = $1 AND l.ctid = c.place AND l.id = c.id
      AND (SELECT count(*) FROM changed_wallets) = $8::bigint
    RETURNING l.id
), unchanged AS (
    SELECT count(*) = $41::bigint AND (SELECT count(*) FROM changed_wallets) = $8::bigint AS is_so
    FROM changed_lots
), locked_counters AS (
    -- Several are locked in key order first; one alone cannot be in the wrong order.
    SELECT r.reward_id
    FROM reward_counters r
    WHERE r.merchant_id = $1 AND r.reward_id = ANY ($11::text::bigint[])
      AND cardinality($11::text::bigint[]) > 1 AND (SELECT is_so FROM unchanged)
    ORDER BY r.reward_id
    FOR UPDATE
), changed_counters AS (
    UPDATE reward_counters r
    SET redemptions_live = r.redemptions_live + c.redemptions,
        units_live = r.units_live + c.units
    FROM unnest($11::text::bigint[], $12::text::bigint[], $13::text::bigint[])
        AS c (reward_id, redemptions, units)
    WHERE r.merchant_id = $1 AND r.reward_id = c.reward_id AND (SELECT is_so FROM unchanged)
      AND (SELECT count(*) FROM locked_counters) >= 0
    RETURNING r.reward_id
), taken AS (
    UPDATE sequences
    SET next_id = next_id + 3 * $14::bigint
    WHERE merchant_id = $1 AND catalogue_version = $15::bigint
      AND ($16::bigint IS NULL OR next_id = $16::bigint)
      AND (SELECT is_so FROM unchanged)
      AND (SELECT count(*) FROM changed_counters) >= 0
    RETURNING next_id - 3 * $14::bigint AS first_id
), spent AS (
    SELECT t.first_id + 3 * (s.number - 1) AS id, s.program_id, s.member_id, s.wallet_id,
           s.reward_id, s.reward_version_id, s.status, s.units, s.points_cost, s.points_after,
           s.lot_ids, s.lot_points, s.draws, s.code, s.fulfilment, s.expires_at,
           s.auto_refund_at, s.event_kind, s.facts, s.context
    FROM taken t, unnest($17::text::bigint[], $18::text::bigint[], $19::text::bigint[],
        $20::text::bigint[], $21::text::bigint[], $22::text::text[], $23::text::integer[],
        $24::text::bigint[], $25::text::bigint[], string_to_array($26::text, E'\x1f'),
        string_to_array($27::text, E'\x1f'), string_to_array($28::text, E'\x1f'),
        string_to_array($29::text, E'\x1f', ''), $30::text::text[], $31::text::timestamptz[],
        $32::text::timestamptz[], string_to_array($33::text, E'\x1f'),
        string_to_array($34::text, E'\x1f'), $43::text[])
        WITH ORDINALITY
        AS s (program_id, member_id, wallet_id, reward_id, reward_version_id, status, units,
            points_cost, points_after, lot_ids, lot_points, draws, code, fulfilment, expires_at,
            auto_refund_at, event_kind, facts, context, number)
), new_redemptions AS (
    INSERT INTO redemptions (merchant_id, id, program_id, member_id, wallet_id, reward_id,
        reward_version_id, status, units, units_refunded, units_returned, points_cost,
        points_refunded, lot_ids, lot_points, entry_id, code, fulfilment, is_grant, expires_at,
        auto_refund_at, context, created_at, updated_at)
    SELECT $1, s.id, s.program_id, s.member_id, s.wallet_id, s.reward_id, s.reward_version_id,
           s.status, s.units, 0, 0, s.points_cost, 0, s.lot_ids::bigint[], s.lot_points::bigint[],
           s.id + 1, s.code, s.fulfilment, false, s.expires_at, s.auto_refund_at,
           s.context::json, $2::timestamptz, $2::timestamptz
    FROM spent s
), new_entries AS (
    INSERT INTO entries (merchant_id, id, wallet_id, kind, points, points_after, lifetime_points,
        lot_ids, lot_points, redemption_id, created_at)
    SELECT $1, s.id + 1, s.wallet_id, 'redeemed', -s.points_cost, s.points_after, 0,
           s.lot_ids::bigint[], s.draws::bigint[], s.id, $2::timestamptz
    FROM spent s
), new_events AS (
    INSERT INTO events (merchant_id, id, kind, program_id, member_id, redemption_id, batch, facts,
        created_at)
    SELECT $1, s.id + 2, s.event_kind, s.program_id, s.member_id, s.id, $35::bigint, s.facts,
           $2::timestamptz
    FROM spent s
), taken_codes AS (
    UPDATE pool_codes p
    SET redemption_id = s.id
    FROM spent s
    WHERE p.merchant_id = $1 AND p.code = s.code AND p.redemption_id IS NULL AND $42::bigint > 0
    RETURNING p.id
), new_keys AS (
    INSERT INTO idempotency_records (merchant_id, key, fingerprint, answer, created_at)
    SELECT $1, k.key, k.fingerprint, k.answer, $2::timestamptz
    FROM unnest($36::text[], $37::bytea[], $38::bytea[]) AS k (key, fingerprint, answer)
)
SELECT coalesce(done.first_id, 1 / (SELECT count(*) FROM taken WHERE false)) AS first_id
FROM (SELECT max(t.first_id) AS first_id FROM taken t
    WHERE (SELECT count(*) FROM taken_codes) = $42::bigint) AS done;
