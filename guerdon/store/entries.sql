-- name: insert_entries
-- Add ledger entries. Draws come as joined literals: unnest cannot carry ragged arrays.
INSERT INTO entries (merchant_id, id, wallet_id, kind, points, points_after, lifetime_points,
    asked_points, lot_ids, lot_points, redemption_id, earning_id, note, pending_points, owed_points,
    created_at)
SELECT $1, e.id, e.wallet_id, e.kind, e.points, e.points_after, e.lifetime_points, e.asked_points,
       e.lot_ids::bigint[], e.lot_points::bigint[], e.redemption_id, e.earning_id, e.note,
       e.pending_points, e.owed_points, $2::timestamptz
FROM unnest($3::text::bigint[], $4::text::bigint[], $5::text::text[], $6::text::bigint[], $7::text::bigint[], $8::text::bigint[],
    $9::text::bigint[], string_to_array($10::text, E'\x1f'), string_to_array($11::text, E'\x1f'), $12::text::bigint[], $13::text::bigint[], $14::text[],
    $15::text::bigint[], $16::text::bigint[])
    AS e (id, wallet_id, kind, points, points_after, lifetime_points, asked_points, lot_ids,
        lot_points, redemption_id, earning_id, note, pending_points, owed_points);
