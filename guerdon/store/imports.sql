-- name: find_import
-- How far a file has come.
SELECT rows_done, rows_refused, members_made, points_made, errors_bytes, is_finished, created_at
FROM imports
WHERE merchant_id = $1 AND program_id = $2 AND digest = $3;

-- name: lock_import
-- How far a file has come, kept until the commit, so that no rival imports the same rows.
SELECT rows_done, rows_refused, members_made, points_made, errors_bytes, is_finished, created_at
FROM imports
WHERE merchant_id = $1 AND program_id = $2 AND digest = $3
ORDER BY merchant_id, program_id, digest
FOR NO KEY UPDATE;

-- name: insert_import
-- Begin a file, unless it was begun before.
INSERT INTO imports (merchant_id, program_id, digest, file_name, rows_done, rows_refused,
    members_made, points_made, errors_bytes, is_finished, created_at, updated_at)
VALUES ($1, $2, $3, $4, 0, 0, 0, 0, 0, FALSE, $5::timestamptz, $5::timestamptz)
ON CONFLICT (merchant_id, program_id, digest) DO NOTHING;

-- name: update_import
-- Write down how far a file has come.
UPDATE imports
SET rows_done = $4, rows_refused = $5, members_made = $6, points_made = $7, errors_bytes = $8,
    is_finished = $9, updated_at = $10::timestamptz
WHERE merchant_id = $1 AND program_id = $2 AND digest = $3;

-- name: list_known_members
-- Which of these shoppers are members already, and since when.
SELECT external_id, created_at
FROM members
WHERE merchant_id = $1 AND program_id = $2 AND external_id = ANY ($3::text[]);

-- name: insert_imported_members
-- Add members under a run of ids, in the order given.
INSERT INTO members (merchant_id, id, program_id, external_id, email, first_name, last_name,
    referral_code, created_at, updated_at)
SELECT $1, $3::bigint + m.place - 1, $2, m.external_id, m.email, m.first_name, m.last_name,
       m.referral_code, $4::timestamptz, $4::timestamptz
FROM unnest($5::text[], $6::text[], $7::text[], $8::text[], $9::text[]) WITH ORDINALITY
    AS m (external_id, email, first_name, last_name, referral_code, place);

-- name: insert_imported_wallets
-- Add each imported member's default wallet, under a run of ids in the members' order.
INSERT INTO wallets (merchant_id, id, member_id, program_id, point_type_id, is_default, is_frozen,
    tier_id, points_available, points_held, points_pending, points_lifetime, points_redeemed,
    created_at, updated_at)
SELECT $1, $5::bigint + w.place - 1, $4::bigint + w.place - 1, $2, $3, TRUE, w.is_frozen,
       w.tier_id, w.points, 0, 0, w.points_lifetime, 0, $6::timestamptz, $6::timestamptz
FROM unnest($7::bigint[], $8::bigint[], $9::bigint[], $10::boolean[]) WITH ORDINALITY
    AS w (points, points_lifetime, tier_id, is_frozen, place);

-- name: insert_imported_lots
-- Add a lot for each imported wallet that has points, under a run of ids.
INSERT INTO lots (merchant_id, id, wallet_id, points, points_remaining, is_open, effective_at,
    expires_at)
SELECT $1, $2::bigint + l.place - 1, l.wallet_id, l.points, l.points, TRUE, $3::timestamptz,
       l.expires_at
FROM unnest($4::bigint[], $5::bigint[], $6::timestamptz[]) WITH ORDINALITY
    AS l (wallet_id, points, expires_at, place);

-- name: insert_imported_entries
-- Add the entry that says where imported points come from; without points it has no lot.
INSERT INTO entries (merchant_id, id, wallet_id, kind, points, points_after, lifetime_points,
    lot_ids, lot_points, note, created_at)
SELECT $1, $2::bigint + e.place - 1, e.wallet_id, 'adjusted', e.points, e.points,
       e.lifetime_points, CASE WHEN e.lot_id IS NULL THEN '{}' ELSE ARRAY[e.lot_id] END,
       CASE WHEN e.lot_id IS NULL THEN '{}' ELSE ARRAY[e.points] END, $4, $3::timestamptz
FROM unnest($5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[]) WITH ORDINALITY
    AS e (wallet_id, points, lifetime_points, lot_id, place);
