-- Each check gives the rows whose figures do not follow from the entries: which row, whose wallet,
-- what is wrong, what it must be, what it is. $2 bounds the answer; $3 names the wallets to look
-- at, null for all of them. A cheap condition picks the rows that are wrong; only those are put
-- into words. Draws are unnested in a SELECT list, which no planner moves inside a join: in a
-- LATERAL it may read all lots anew for each entry.

-- name: begin_proof
-- Give this transaction time and room to sort, and plans that are never quadratic: how many lots
-- unnested draws come to is more than a planner can guess, so it must not bet on few.
SELECT set_config('statement_timeout', '0', TRUE), set_config('work_mem', '64MB', TRUE),
       set_config('plan_cache_mode', 'force_custom_plan', TRUE),
       set_config('enable_nestloop', 'off', TRUE);

-- name: list_touched_wallets
-- Wallets changed since an instant, by themselves, a redemption or an earning.
SELECT w.id FROM wallets w WHERE w.merchant_id = $1 AND w.updated_at >= $2::timestamptz
UNION
SELECT r.wallet_id FROM redemptions r WHERE r.merchant_id = $1 AND r.updated_at >= $2::timestamptz
UNION
SELECT e.wallet_id FROM earnings e WHERE e.merchant_id = $1 AND e.updated_at >= $2::timestamptz;

-- name: count_proven
-- How much there is to prove.
SELECT
    (SELECT count(DISTINCT w.member_id) FROM wallets w
     WHERE w.merchant_id = $1 AND ($2::bigint[] IS NULL OR w.id = ANY ($2::bigint[]))) AS members,
    (SELECT count(1) FROM wallets w
     WHERE w.merchant_id = $1 AND ($2::bigint[] IS NULL OR w.id = ANY ($2::bigint[]))) AS wallets,
    (SELECT count(1) FROM entries e
     WHERE e.merchant_id = $1
       AND ($2::bigint[] IS NULL OR e.wallet_id = ANY ($2::bigint[]))) AS entries,
    (SELECT count(1) FROM lots l
     WHERE l.merchant_id = $1 AND ($2::bigint[] IS NULL OR l.wallet_id = ANY ($2::bigint[]))) AS lots,
    (SELECT count(1) FROM redemptions r
     WHERE r.merchant_id = $1
       AND ($2::bigint[] IS NULL OR r.wallet_id = ANY ($2::bigint[]))) AS redemptions;

-- name: check_members
-- Every member has exactly one default wallet, and a program that is there.
SELECT d.id, NULL::bigint AS wallet_id, v.fault, v.expected, v.found
FROM (
    SELECT m.id, m.program_id, count(w.id) AS default_wallets
    FROM members m
    LEFT JOIN wallets w ON w.merchant_id = $1 AND w.member_id = m.id AND w.is_default
    WHERE m.merchant_id = $1
    GROUP BY m.id, m.program_id
) AS d
LEFT JOIN programs p ON p.merchant_id = $1 AND p.id = d.program_id
CROSS JOIN LATERAL (VALUES
    ('default_wallets', '1', d.default_wallets::text),
    ('program_exists', d.program_id::text, p.id::text)
) AS v (fault, expected, found)
WHERE (d.default_wallets <> 1 OR p.id IS NULL) AND v.expected IS DISTINCT FROM v.found
ORDER BY d.id
LIMIT $2;

-- name: check_wallets
-- A wallet's figures are the sums of its entries, lots, redemptions and earnings; its member and its
-- point type are there, and it is in its member's program.
SELECT w.id, w.id AS wallet_id, v.fault, v.expected::text, v.found::text
FROM wallets w
LEFT JOIN members m ON m.merchant_id = $1 AND m.id = w.member_id
LEFT JOIN point_types t ON t.merchant_id = $1 AND t.id = w.point_type_id
LEFT JOIN (
    SELECT e.wallet_id, sum(e.points) AS points, sum(e.lifetime_points) AS lifetime_points,
           sum(e.pending_points) AS pending_points, sum(e.owed_points) AS owed_points,
           sum(-e.points) FILTER (WHERE e.kind IN ('redeemed', 'released', 'refunded', 'paid'))
               AS redeemed
    FROM entries e
    WHERE e.merchant_id = $1 AND ($3::bigint[] IS NULL OR e.wallet_id = ANY ($3::bigint[]))
    GROUP BY e.wallet_id
) AS moved ON moved.wallet_id = w.id
LEFT JOIN (
    SELECT l.wallet_id, sum(l.points_remaining) AS points
    FROM lots l
    WHERE l.merchant_id = $1 AND l.is_open
      AND ($3::bigint[] IS NULL OR l.wallet_id = ANY ($3::bigint[]))
    GROUP BY l.wallet_id
) AS kept ON kept.wallet_id = w.id
LEFT JOIN (
    SELECT r.wallet_id, sum(r.points_cost - r.points_refunded) AS points
    FROM redemptions r
    WHERE r.merchant_id = $1 AND r.status = 'pending'
      AND ($3::bigint[] IS NULL OR r.wallet_id = ANY ($3::bigint[]))
    GROUP BY r.wallet_id
) AS held ON held.wallet_id = w.id
LEFT JOIN (
    SELECT a.wallet_id, sum(a.points) AS points
    FROM earnings a
    WHERE a.merchant_id = $1 AND a.status = 'pending'
      AND ($3::bigint[] IS NULL OR a.wallet_id = ANY ($3::bigint[]))
    GROUP BY a.wallet_id
) AS awaited ON awaited.wallet_id = w.id
CROSS JOIN LATERAL (VALUES
    ('points_available', coalesce(moved.points, 0), w.points_available),
    ('points_in_lots', w.points_available, coalesce(kept.points, 0)),
    ('points_lifetime', coalesce(moved.lifetime_points, 0), w.points_lifetime),
    ('points_redeemed', coalesce(moved.redeemed, 0), w.points_redeemed),
    ('points_held', coalesce(held.points, 0), w.points_held),
    ('points_pending', coalesce(moved.pending_points, 0), w.points_pending),
    ('points_awaited', coalesce(awaited.points, 0), w.points_pending),
    ('points_owed', coalesce(moved.owed_points, 0), w.points_owed),
    ('points_owed_below_zero', 0, least(w.points_owed, 0)),
    ('member_exists', w.member_id, m.id),
    ('program_of_member', coalesce(m.program_id, w.program_id), w.program_id),
    ('point_type_exists', w.point_type_id, t.id)
) AS v (fault, expected, found)
WHERE w.merchant_id = $1 AND ($3::bigint[] IS NULL OR w.id = ANY ($3::bigint[]))
  AND v.expected IS DISTINCT FROM v.found
ORDER BY w.id, v.fault
LIMIT $2;

-- name: check_entries
-- Each entry continues the balance of the one before it, and is the sum of its draws.
SELECT e.id, e.wallet_id, v.fault, v.expected::text, v.found::text
FROM (
    SELECT b.id, b.wallet_id, b.kind, b.points, b.points_after, b.pending_points,
           lag(b.points_after, 1, 0::bigint) OVER of_wallet + b.points AS points_due,
           CASE cardinality(b.lot_points) WHEN 1 THEN b.lot_points[1]
               ELSE (SELECT coalesce(sum(d.points), 0)::bigint FROM unnest(b.lot_points) AS d (points))
           END AS points_drawn
    FROM entries b
    WHERE b.merchant_id = $1 AND ($3::bigint[] IS NULL OR b.wallet_id = ANY ($3::bigint[]))
    WINDOW of_wallet AS (PARTITION BY b.wallet_id ORDER BY b.id)
) AS e
CROSS JOIN LATERAL (VALUES
    ('points_after', e.points_due, e.points_after),
    ('points_drawn', e.points, e.points_drawn),
    ('sign_of_kind', CASE WHEN e.kind IN ('earned', 'released', 'refunded') THEN 1
        WHEN e.kind IN ('redeemed', 'expired', 'repaid', 'paid') THEN -1
        WHEN e.kind = 'reversed' THEN least(sign(e.points), 0)
        WHEN e.kind IN ('adjusted', 'transferred') THEN sign(e.points) ELSE 0 END,
        sign(e.points)),
    ('pending_of_kind', CASE WHEN e.kind = 'pending' THEN 1 WHEN e.kind = 'declined' THEN -1
        WHEN e.kind IN ('earned', 'reversed') THEN least(sign(e.pending_points), 0) ELSE 0 END,
        sign(e.pending_points))
) AS v (fault, expected, found)
WHERE (e.points_after <> e.points_due OR e.points_drawn <> e.points
    OR (e.kind IN ('earned', 'released', 'refunded') AND e.points <= 0)
    OR (e.kind IN ('redeemed', 'expired', 'repaid', 'paid') AND e.points >= 0)
    OR (e.kind = 'reversed' AND e.points > 0)
    OR e.kind NOT IN ('earned', 'released', 'refunded', 'redeemed', 'expired', 'adjusted',
        'transferred', 'reversed', 'repaid', 'paid', 'pending', 'declined')
    OR (e.kind IN ('pending', 'declined') AND e.points <> 0)
    OR (e.kind = 'pending' AND e.pending_points <= 0)
    OR (e.kind = 'declined' AND e.pending_points >= 0)
    OR (e.pending_points <> 0 AND NOT (e.kind IN ('pending', 'declined')
        OR (e.kind IN ('earned', 'reversed') AND e.pending_points < 0))))
  AND v.expected <> v.found
ORDER BY e.wallet_id, e.id
LIMIT $2;

-- name: check_entry_links
-- What an entry names is there: its wallet, its redemption, its earning.
SELECT e.id, e.wallet_id, v.fault, v.expected, v.found
FROM entries e
LEFT JOIN wallets w ON w.merchant_id = $1 AND w.id = e.wallet_id
LEFT JOIN redemptions r ON r.merchant_id = $1 AND r.id = e.redemption_id
LEFT JOIN earnings a ON a.merchant_id = $1 AND a.id = e.earning_id
CROSS JOIN LATERAL (VALUES
    ('wallet_exists', e.wallet_id::text, w.id::text),
    ('redemption_exists', CASE WHEN e.kind IN ('redeemed', 'released', 'refunded')
        THEN coalesce(e.redemption_id::text, 'one') ELSE e.redemption_id::text END, r.id::text),
    ('earning_exists', CASE WHEN e.kind IN ('earned', 'reversed', 'pending', 'declined')
        THEN coalesce(e.earning_id::text, 'one') ELSE e.earning_id::text END, a.id::text)
) AS v (fault, expected, found)
WHERE e.merchant_id = $1 AND ($3::bigint[] IS NULL OR e.wallet_id = ANY ($3::bigint[]))
  AND (w.id IS NULL
    OR (r.id IS NULL
      AND (e.redemption_id IS NOT NULL OR e.kind IN ('redeemed', 'released', 'refunded')))
    OR (a.id IS NULL AND (e.earning_id IS NOT NULL
      OR e.kind IN ('earned', 'reversed', 'pending', 'declined'))))
  AND v.expected IS DISTINCT FROM v.found
ORDER BY e.wallet_id, e.id
LIMIT $2;

-- name: check_draws
-- A draw names a lot of its own wallet; none is taken from an expired lot but by its expiry. What
-- expired by its member's inactivity, or by hand, had not expired before.
SELECT e.id, e.wallet_id, v.fault, v.expected, v.found
FROM (
    SELECT b.id, b.wallet_id, b.kind, b.created_at,
           coalesce(b.note IN ('inactivity', 'early'), false) AS is_early, unnest(b.lot_ids) AS lot_id,
           unnest(b.lot_points) AS points
    FROM entries b
    WHERE b.merchant_id = $1 AND ($3::bigint[] IS NULL OR b.wallet_id = ANY ($3::bigint[]))
) AS e
LEFT JOIN lots l ON l.merchant_id = $1 AND l.id = e.lot_id
CROSS JOIN LATERAL (VALUES
    ('lot_exists', e.lot_id::text, l.id::text),
    ('lot_of_wallet', e.wallet_id::text, coalesce(l.wallet_id, e.wallet_id)::text),
    ('drawn_before_expiry', NULL, CASE WHEN e.points < 0 AND e.kind <> 'expired'
        AND e.created_at >= l.expires_at THEN 'lot ' || l.id END),
    ('expired_when_due', NULL, CASE WHEN e.kind = 'expired'
        AND (l.expires_at IS NULL OR e.created_at < l.expires_at) = NOT e.is_early
        THEN 'lot ' || l.id END)
) AS v (fault, expected, found)
WHERE (l.id IS NULL OR l.wallet_id <> e.wallet_id
    OR (e.points < 0 AND e.kind <> 'expired' AND e.created_at >= l.expires_at)
    OR (e.kind = 'expired'
        AND (l.expires_at IS NULL OR e.created_at < l.expires_at) = NOT e.is_early))
  AND v.expected IS DISTINCT FROM v.found
ORDER BY e.wallet_id, e.id
LIMIT $2;

-- name: check_lots
-- A lot began with its points, holds the sum of its draws, and was never below zero or overfull;
-- its wallet is there.
SELECT l.id, l.wallet_id, v.fault, v.expected::text, v.found::text
FROM lots l
LEFT JOIN wallets w ON w.merchant_id = $1 AND w.id = l.wallet_id
LEFT JOIN (
    SELECT s.lot_id, sum(s.points) FILTER (WHERE s.place = 1) AS points_first,
           sum(s.points) AS points, min(s.points_then) AS points_least,
           max(s.points_then) AS points_most
    FROM (
        SELECT d.lot_id, d.points,
               row_number() OVER of_lot AS place, sum(d.points) OVER of_lot AS points_then
        FROM (
            SELECT e.id, unnest(e.lot_ids) AS lot_id, unnest(e.lot_points) AS points
            FROM entries e
            WHERE e.merchant_id = $1
              AND ($3::bigint[] IS NULL OR e.wallet_id = ANY ($3::bigint[]))
        ) AS d
        WINDOW of_lot AS (PARTITION BY d.lot_id ORDER BY d.id ROWS UNBOUNDED PRECEDING)
    ) AS s
    GROUP BY s.lot_id
) AS drawn ON drawn.lot_id = l.id
CROSS JOIN LATERAL (VALUES
    ('points', coalesce(drawn.points_first, 0), l.points),
    ('points_remaining', coalesce(drawn.points, 0), l.points_remaining),
    ('points_below_zero', 0, least(drawn.points_least, 0)),
    ('points_above_first', drawn.points_first, greatest(drawn.points_most, drawn.points_first)),
    ('is_open', (l.points_remaining > 0)::integer, l.is_open::integer),
    ('wallet_exists', l.wallet_id, w.id)
) AS v (fault, expected, found)
WHERE l.merchant_id = $1 AND ($3::bigint[] IS NULL OR l.wallet_id = ANY ($3::bigint[]))
  AND (drawn.lot_id IS NULL OR drawn.points_first <> l.points OR drawn.points <> l.points_remaining
    OR drawn.points_least < 0 OR drawn.points_most > drawn.points_first
    OR l.is_open <> (l.points_remaining > 0) OR w.id IS NULL)
  AND v.expected IS DISTINCT FROM v.found
ORDER BY l.wallet_id, l.id
LIMIT $2;

-- name: check_redemptions
-- A redemption was paid by its one entry, and was given back what its further entries say.
SELECT r.id, r.wallet_id, v.fault, v.expected, v.found
FROM redemptions r
LEFT JOIN wallets w ON w.merchant_id = $1 AND w.id = r.wallet_id
LEFT JOIN reward_versions o ON o.merchant_id = $1 AND o.id = r.reward_version_id
LEFT JOIN entries p ON p.merchant_id = $1 AND p.id = r.entry_id
LEFT JOIN (
    SELECT e.redemption_id, count(1) FILTER (WHERE e.kind = 'redeemed') AS redeemed_count,
           count(1) FILTER (WHERE e.kind = 'released') AS released_count,
           count(1) FILTER (WHERE e.kind = 'refunded') AS refunded_count,
           coalesce(sum(e.points) FILTER (WHERE e.kind IN ('released', 'refunded')), 0) AS points
    FROM entries e
    WHERE e.merchant_id = $1 AND e.redemption_id IS NOT NULL
      AND ($3::bigint[] IS NULL OR e.wallet_id = ANY ($3::bigint[]))
    GROUP BY e.redemption_id
) AS back ON back.redemption_id = r.id
CROSS JOIN LATERAL (VALUES
    ('member_of_wallet', r.member_id::text, w.member_id::text),
    ('reward_of_version', r.reward_id::text, o.reward_id::text),
    ('entry', CASE WHEN r.points_cost > 0
        THEN concat_ws(' ', 'redeemed', -r.points_cost, r.wallet_id, r.id) END,
        concat_ws(' ', p.kind, p.points, p.wallet_id, p.redemption_id)),
    ('draws', CASE WHEN r.points_cost > 0 THEN r.lot_ids::text || CASE cardinality(r.lot_points)
        WHEN 1 THEN '{' || -r.lot_points[1] || '}'
        ELSE (SELECT coalesce(array_agg(-d.points ORDER BY d.place), '{}')::text
              FROM unnest(r.lot_points) WITH ORDINALITY AS d (points, place)) END END,
        p.lot_ids::text || p.lot_points::text),
    ('redeemed_entries', CASE WHEN r.points_cost > 0 THEN '1' ELSE '0' END,
        coalesce(back.redeemed_count, 0)::text),
    ('points_refunded', coalesce(back.points, 0)::text, r.points_refunded::text),
    ('released_entries', CASE WHEN r.status = 'declined' AND r.points_cost > 0 THEN '1'
        ELSE '0' END, coalesce(back.released_count, 0)::text),
    ('refunded_entries', CASE WHEN r.status IN ('pending', 'declined') THEN '0'
        ELSE coalesce(back.refunded_count, 0)::text END, coalesce(back.refunded_count, 0)::text),
    ('status', CASE
        WHEN r.status IN ('declined', 'void') THEN 'all given back'
        WHEN r.status = 'pending' THEN 'nothing given back'
        ELSE 'not all given back' END, CASE
        WHEN r.points_refunded = r.points_cost AND r.units_refunded = r.units
            THEN 'all given back'
        WHEN r.status = 'pending' AND r.points_refunded = 0 AND r.units_refunded = 0
            THEN 'nothing given back'
        ELSE 'not all given back' END)
) AS v (fault, expected, found)
WHERE r.merchant_id = $1 AND ($3::bigint[] IS NULL OR r.wallet_id = ANY ($3::bigint[]))
  AND (w.member_id IS DISTINCT FROM r.member_id OR o.reward_id IS DISTINCT FROM r.reward_id
    OR (p.id IS NULL) <> (r.points_cost = 0) OR p.kind <> 'redeemed' OR p.points <> -r.points_cost
    OR p.wallet_id <> r.wallet_id
    OR (r.points_cost > 0 AND p.redemption_id IS DISTINCT FROM r.id)
    OR p.lot_ids <> r.lot_ids OR EXISTS (
        SELECT 1 FROM unnest(p.lot_points, r.lot_points) AS d (paid, drawn)
        WHERE d.paid IS DISTINCT FROM -d.drawn)
    OR coalesce(back.redeemed_count, 0) <> (r.points_cost > 0)::integer
    OR coalesce(back.points, 0) <> r.points_refunded
    OR coalesce(back.released_count, 0) <> (r.status = 'declined' AND r.points_cost > 0)::integer
    OR (back.refunded_count > 0 AND r.status IN ('pending', 'declined'))
    OR (r.status IN ('declined', 'void')) <> (r.points_refunded = r.points_cost
        AND r.units_refunded = r.units)
    OR (r.status = 'pending' AND (r.points_refunded > 0 OR r.units_refunded > 0)))
  AND coalesce(v.expected, '') <> coalesce(v.found, '')
ORDER BY r.wallet_id, r.id
LIMIT $2;

-- name: check_earnings
-- An approved earning has its one entry and its lot, no other earning has any; what was taken back
-- of it is what it lacks and what its reversing entries asked for; what its entries left waiting for
-- approval is what it is still to give; each is of the member whose wallet it fills.
SELECT a.id, a.wallet_id, v.fault, v.expected, v.found
FROM earnings a
LEFT JOIN wallets w ON w.merchant_id = $1 AND w.id = a.wallet_id
LEFT JOIN lots l ON l.merchant_id = $1 AND l.id = a.lot_id
LEFT JOIN (
    SELECT e.earning_id, e.wallet_id,
           count(1) FILTER (WHERE e.kind NOT IN ('reversed', 'pending', 'declined')) AS entry_count,
           sum(e.points) FILTER (WHERE e.kind NOT IN ('reversed', 'pending', 'declined')) AS points,
           max(e.lot_ids[1]) FILTER (WHERE e.kind NOT IN ('reversed', 'pending', 'declined')) AS lot_id,
           sum(e.pending_points) AS pending_points,
           sum(-coalesce(e.asked_points, e.points)) FILTER (WHERE e.kind = 'reversed')
               AS points_asked
    FROM entries e
    WHERE e.merchant_id = $1 AND e.earning_id IS NOT NULL
      AND ($3::bigint[] IS NULL OR e.wallet_id = ANY ($3::bigint[]))
    GROUP BY e.earning_id, e.wallet_id
) AS given ON given.earning_id = a.id AND given.wallet_id = a.wallet_id
CROSS JOIN LATERAL (VALUES
    ('entries', CASE WHEN a.status = 'approved' AND a.points > 0 THEN '1'
        WHEN a.status = 'approved' THEN coalesce(given.entry_count, 0)::text
        ELSE '0' END, coalesce(given.entry_count, 0)::text),
    ('points', coalesce(given.points, a.points)::text, a.points::text),
    ('lot', CASE WHEN a.status = 'approved' AND a.points > 0
        THEN concat_ws(' ', given.lot_id, a.points, a.wallet_id) END,
        CASE WHEN a.lot_id IS NOT NULL THEN concat_ws(' ', l.id, l.points, l.wallet_id) END),
    ('points_reversed', (coalesce(given.points_asked, 0) + CASE
        WHEN a.status = 'rejected' THEN a.points_reversed
        WHEN given.points_asked > 0 OR a.points_reversed > 0
            THEN (a.base_points * a.multiplier_permille + 500) / 1000 - a.points
        ELSE 0 END)::text, a.points_reversed::text),
    ('points_awaited', CASE WHEN a.status = 'pending' THEN a.points ELSE 0 END::text,
        coalesce(given.pending_points, 0)::text),
    ('member_of_wallet', a.member_id::text, w.member_id::text)
) AS v (fault, expected, found)
WHERE a.merchant_id = $1 AND ($3::bigint[] IS NULL OR a.wallet_id = ANY ($3::bigint[]))
  AND coalesce(v.expected, '') <> coalesce(v.found, '')
ORDER BY a.wallet_id, a.id
LIMIT $2;

-- name: check_counters
-- A reward's counter is what its redemptions took and did not give back.
SELECT w.id, NULL::bigint AS wallet_id, v.fault, v.expected::text, v.found::text
FROM rewards w
LEFT JOIN reward_counters c ON c.merchant_id = $1 AND c.reward_id = w.id
LEFT JOIN (
    SELECT r.reward_id, count(1) FILTER (WHERE r.status NOT IN ('declined', 'void')) AS redemptions,
           sum(r.units - r.units_returned) AS units
    FROM redemptions r
    WHERE r.merchant_id = $1
    GROUP BY r.reward_id
) AS taken ON taken.reward_id = w.id
CROSS JOIN LATERAL (VALUES
    ('redemptions_live', coalesce(taken.redemptions, 0), c.redemptions_live),
    ('units_live', coalesce(taken.units, 0), c.units_live)
) AS v (fault, expected, found)
WHERE w.merchant_id = $1 AND v.expected IS DISTINCT FROM v.found
ORDER BY w.id, v.fault
LIMIT $2;

-- name: check_pool_codes
-- A code that was taken is carried by the redemption that took it, of the same reward or of one
-- that takes from its pool.
SELECT c.id, r.wallet_id, v.fault, v.expected, v.found
FROM pool_codes c
LEFT JOIN redemptions r ON r.merchant_id = $1 AND r.id = c.redemption_id
LEFT JOIN reward_versions o ON o.merchant_id = $1 AND o.id = r.reward_version_id
CROSS JOIN LATERAL (VALUES
    ('code_carried', c.code, r.code),
    ('reward_of_code', c.reward_id::text,
        coalesce(o.definition ->> 'codes_from', r.reward_id::text))
) AS v (fault, expected, found)
WHERE c.merchant_id = $1 AND c.redemption_id IS NOT NULL AND v.expected IS DISTINCT FROM v.found
ORDER BY c.id
LIMIT $2;

-- name: check_codes
-- No code is carried by two redemptions, and one from a pool was taken out of it.
WITH pooled AS MATERIALIZED (
    SELECT o.id FROM reward_versions o
    WHERE o.merchant_id = $1 AND o.definition ->> 'fulfil_by' IN ('pool', 'shopify_pool')
)
SELECT r.id, r.wallet_id, 'code_unique' AS fault, NULL AS expected, 'redemption ' || twice.id AS found
FROM (
    SELECT t.code, min(t.id) AS id FROM redemptions t
    WHERE t.merchant_id = $1 AND t.code IS NOT NULL
    GROUP BY t.code
    HAVING count(1) > 1
) AS twice
JOIN redemptions r ON r.merchant_id = $1 AND r.code = twice.code AND r.id <> twice.id
UNION ALL
SELECT r.id, r.wallet_id, 'code_from_pool', r.id::text, c.redemption_id::text
FROM redemptions r
JOIN pooled ON pooled.id = r.reward_version_id
LEFT JOIN pool_codes c ON c.merchant_id = $1 AND c.code = r.code
WHERE r.merchant_id = $1 AND c.redemption_id IS DISTINCT FROM r.id
ORDER BY id
LIMIT $2;

-- name: check_payments
-- Each payment of an order was one debit, of its points, and each such debit was a payment.
SELECT coalesce(p.id, e.id) AS id, coalesce(p.wallet_id, e.wallet_id) AS wallet_id, 'debit' AS fault,
       concat_ws(' ', p.wallet_id, -p.points) AS expected,
       concat_ws(' ', e.wallet_id, e.points) AS found
FROM (SELECT id, wallet_id, entry_id, points FROM order_payments WHERE merchant_id = $1) AS p
FULL JOIN (
    SELECT id, wallet_id, points FROM entries WHERE merchant_id = $1 AND kind = 'paid'
) AS e ON e.id = p.entry_id
WHERE p.wallet_id IS DISTINCT FROM e.wallet_id OR -p.points IS DISTINCT FROM e.points
ORDER BY 1
LIMIT $2;

-- name: check_events
-- What an event announces is there.
SELECT e.id, NULL::bigint AS wallet_id, v.fault, v.expected, v.found
FROM events e
LEFT JOIN members m ON m.merchant_id = $1 AND m.id = e.member_id
LEFT JOIN redemptions r ON r.merchant_id = $1 AND r.id = e.redemption_id
LEFT JOIN earnings a ON a.merchant_id = $1 AND a.id = e.earning_id
CROSS JOIN LATERAL (VALUES
    ('member_exists', e.member_id::text, m.id::text),
    ('redemption_exists', e.redemption_id::text, r.id::text),
    ('earning_exists', e.earning_id::text, a.id::text)
) AS v (fault, expected, found)
WHERE e.merchant_id = $1 AND v.expected IS DISTINCT FROM v.found
ORDER BY e.id
LIMIT $2;

-- name: check_sequence
-- No id in use is one that is yet to be given out.
SELECT s.next_id, NULL::bigint AS wallet_id, v.fault, 'below ' || s.next_id AS expected,
       v.highest_id::text AS found
FROM sequences s
CROSS JOIN LATERAL (VALUES
    ('members', (SELECT max(m.id) FROM members m WHERE m.merchant_id = $1)),
    ('wallets', (SELECT max(w.id) FROM wallets w WHERE w.merchant_id = $1)),
    ('lots', (SELECT max(l.id) FROM lots l WHERE l.merchant_id = $1)),
    ('entries', (SELECT max(e.id) FROM entries e WHERE e.merchant_id = $1)),
    ('redemptions', (SELECT max(r.id) FROM redemptions r WHERE r.merchant_id = $1)),
    ('earnings', (SELECT max(a.id) FROM earnings a WHERE a.merchant_id = $1)),
    ('order_payments', (SELECT max(p.id) FROM order_payments p WHERE p.merchant_id = $1)),
    ('templates', (SELECT max(t.id) FROM templates t WHERE t.merchant_id = $1)),
    ('customers', (SELECT max(c.id) FROM customers c WHERE c.merchant_id = $1)),
    ('events', (SELECT max(v.id) FROM events v WHERE v.merchant_id = $1)),
    ('pool_codes', (SELECT max(c.id) FROM pool_codes c WHERE c.merchant_id = $1)),
    ('inbox_events', (SELECT max(i.id) FROM inbox_events i WHERE i.merchant_id = $1))
) AS v (fault, highest_id)
WHERE s.merchant_id = $1 AND v.highest_id >= s.next_id
ORDER BY v.fault
LIMIT $2;
