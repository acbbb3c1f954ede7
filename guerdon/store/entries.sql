-- name: insert_entries
-- Add ledger entries. Draws come as array literals, since unnest cannot carry ragged arrays.
INSERT INTO entries (merchant_id, id, wallet_id, kind, points, points_after, lifetime_points,
    asked_points, lot_ids, lot_points, redemption_id, earning_id, note, created_at)
SELECT $1, e.id, e.wallet_id, e.kind, e.points, e.points_after, e.lifetime_points, e.asked_points,
       e.lot_ids::bigint[], e.lot_points::bigint[], e.redemption_id, e.earning_id, e.note,
       $2::timestamptz
FROM unnest($3::bigint[], $4::bigint[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[],
    $9::bigint[], $10::text[], $11::text[], $12::bigint[], $13::bigint[], $14::text[])
    AS e (id, wallet_id, kind, points, points_after, lifetime_points, asked_points, lot_ids,
        lot_points, redemption_id, earning_id, note);
