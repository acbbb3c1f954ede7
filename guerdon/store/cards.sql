-- What members' wallets hold, and all that ever came and went. $3 is the time; $4 and $5 are the
-- programs and their time zones, in which days begin; $6 lists the point types whose points expire
-- once nothing is done. What has expired though no worker has come by yet counts as expired.

-- name: list_cards
-- All wallets of members, each member's default one first.
SELECT w.id, w.member_id, w.program_id, w.point_type_id, w.is_default, w.is_frozen,
       w.tier_id, w.tier_entered_at, w.code, w.created_at, w.points_held, w.points_lifetime,
       moved.earned, moved.added, moved.purchased, moved.purchased_reversed, moved.subtracted,
       moved.expired, lots.due, moved.redeemed, moved.released, moved.refunded, moved.returned,
       moved.pending_total, moved.activated, moved.canceled, lots.next_expires_on,
       lots.next_expires_points, lots.sliding_days, lots.sliding_points,
       moved.last_earned_at, moved.last_spent_at, awaited.next_activates_on,
       awaited.next_activates_points
FROM wallets w
JOIN unnest($4::bigint[], $5::text[]) AS p (program_id, timezone) ON p.program_id = w.program_id
LEFT JOIN LATERAL (
    SELECT coalesce(sum(e.points) FILTER (WHERE e.kind = 'earned' AND e.pending_points = 0), 0)
               ::bigint AS earned,
           coalesce(sum(e.points) FILTER (WHERE e.kind IN ('adjusted', 'transferred')
               AND e.points > 0 AND e.redemption_id IS NULL), 0)::bigint AS added,
           coalesce(sum(e.points) FILTER (WHERE e.kind = 'adjusted'
               AND e.points > 0 AND e.redemption_id IS NOT NULL), 0)::bigint AS purchased,
           coalesce(sum(-e.points) FILTER (WHERE e.kind = 'adjusted'
               AND e.points < 0 AND e.redemption_id IS NOT NULL), 0)::bigint
               AS purchased_reversed,
           coalesce(sum(-e.points) FILTER (WHERE e.kind IN ('adjusted', 'transferred')
               AND e.points < 0 AND e.redemption_id IS NULL), 0)::bigint AS subtracted,
           coalesce(sum(-e.points) FILTER (WHERE e.kind = 'expired'), 0)::bigint AS expired,
           coalesce(sum(-e.points) FILTER (WHERE e.kind IN ('redeemed', 'paid')), 0)::bigint
               AS redeemed,
           coalesce(sum(e.points) FILTER (WHERE e.kind = 'released'), 0)::bigint AS released,
           coalesce(sum(e.owed_points - e.points) FILTER (WHERE e.kind = 'reversed'), 0)::bigint
               AS refunded,
           coalesce(sum(e.points) FILTER (WHERE e.kind = 'refunded'), 0)::bigint AS returned,
           coalesce(sum(e.pending_points) FILTER (WHERE e.kind = 'pending'), 0)::bigint
               AS pending_total,
           coalesce(sum(-e.pending_points) FILTER (WHERE e.kind = 'earned'), 0)::bigint
               AS activated,
           coalesce(sum(-e.pending_points) FILTER (WHERE e.kind IN ('declined', 'reversed')), 0)
               ::bigint AS canceled,
           max(e.created_at) FILTER (WHERE e.kind = 'earned') AS last_earned_at,
           max(e.created_at) FILTER (WHERE e.kind IN ('redeemed', 'paid')) AS last_spent_at
    FROM entries e
    WHERE e.merchant_id = $1 AND e.wallet_id = w.id
) AS moved ON true
LEFT JOIN LATERAL (
    SELECT coalesce(sum(days.points) FILTER (WHERE days.day IS NULL), 0)::bigint AS due,
           min(days.day) FILTER (WHERE NOT days.is_endless) AS next_expires_on,
           (array_agg(days.points ORDER BY days.day)
               FILTER (WHERE NOT days.is_endless AND days.day IS NOT NULL))[1]
               AS next_expires_points,
           array_agg(days.day ORDER BY days.day)
               FILTER (WHERE days.is_endless AND w.point_type_id = ANY ($6::bigint[]))
               AS sliding_days,
           array_agg(days.points ORDER BY days.day)
               FILTER (WHERE days.is_endless AND w.point_type_id = ANY ($6::bigint[]))
               AS sliding_points
    FROM (
        SELECT l.expires_at IS NULL AS is_endless,
               CASE WHEN l.expires_at IS NULL THEN (l.effective_at AT TIME ZONE p.timezone)::date
                   WHEN l.expires_at > $3::timestamptz
                   THEN ((l.expires_at - interval '1 millisecond') AT TIME ZONE p.timezone)::date
                   END AS day,
               sum(l.points_remaining)::bigint AS points
        FROM lots l
        WHERE l.merchant_id = $1 AND l.wallet_id = w.id AND l.is_open
        GROUP BY 1, 2
    ) AS days
) AS lots ON true
LEFT JOIN LATERAL (
    SELECT (a.due_at AT TIME ZONE p.timezone)::date AS next_activates_on,
           sum(a.points)::bigint AS next_activates_points
    FROM earnings a
    WHERE w.points_pending > 0 AND a.merchant_id = $1 AND a.member_id = w.member_id
      AND a.wallet_id = w.id AND a.status = 'pending' AND a.due_at IS NOT NULL
    GROUP BY 1
    ORDER BY 1
    LIMIT 1
) AS awaited ON true
WHERE w.merchant_id = $1 AND w.member_id = ANY ($2::bigint[])
ORDER BY w.member_id, w.is_default DESC, w.id;
