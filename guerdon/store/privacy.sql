-- name: insert_privacy_request
-- Note that a customer wants to know what is kept of them; once per request.
WITH taken AS (
    UPDATE sequences SET next_id = next_id + 1
    WHERE merchant_id = $1
    RETURNING next_id - 1 AS id
)
INSERT INTO privacy_requests (merchant_id, id, source, request_key, customer_key, asked_at,
    answered_at)
SELECT $1, taken.id, $2, $3, $4, $5::timestamptz, NULL
FROM taken
ON CONFLICT (merchant_id, source, request_key) DO NOTHING
RETURNING id;

-- name: list_privacy_requests
-- Requests that are not answered yet, the oldest first.
SELECT id, source, request_key, customer_key, asked_at
FROM privacy_requests
WHERE merchant_id = $1 AND answered_at IS NULL
ORDER BY id
LIMIT $2;

-- name: answer_privacy_requests
-- Note that a customer's requests were answered.
UPDATE privacy_requests SET answered_at = $3::timestamptz
WHERE merchant_id = $1 AND customer_key = $2 AND answered_at IS NULL
RETURNING id;

-- name: delete_privacy_requests
-- Forget that a customer ever asked.
DELETE FROM privacy_requests WHERE merchant_id = $1 AND customer_key = $2;

-- name: blank_earnings
-- Take from a member's earnings what points to the person: orders, keys, free text.
UPDATE earnings
SET order_id = NULL, order_number = NULL, action_key = NULL, note = NULL, metadata = NULL
WHERE merchant_id = $1 AND member_id = $2;

-- name: blank_entries
-- Take the free text from a member's entries; their figures stay, and so do our own words.
UPDATE entries
SET note = NULL
WHERE merchant_id = $1 AND note NOT IN ('inactivity', 'early') AND wallet_id = ANY ($2::bigint[]);

-- name: blank_redemptions
-- Take the free text from a member's redemptions, and the carts and checkouts they were made in.
UPDATE redemptions
SET reason = NULL, context = NULL
WHERE merchant_id = $1 AND member_id = $2 AND (reason IS NOT NULL OR context IS NOT NULL);

-- name: blank_order_payments
-- Take from what a member paid with points which orders it was for.
UPDATE order_payments SET order_key = 'erased-' || id
WHERE merchant_id = $1 AND member_id = $2 AND order_key <> 'erased-' || id;

-- name: list_wallet_ids
-- A member's wallets.
SELECT id FROM wallets WHERE merchant_id = $1 AND member_id = $2 ORDER BY id;

-- name: disclose_member
-- All that is kept of a member, as one JSON document.
SELECT json_build_object(
    'member', (
        SELECT row_to_json(m) FROM (
            SELECT id, program_id, external_id, email, first_name, last_name, birthday,
                   anniversary, referral_code, metadata, created_at, updated_at, left_at
            FROM members WHERE merchant_id = $1 AND id = $2) AS m),
    'wallets', (
        SELECT coalesce(json_agg(row_to_json(w)), '[]') FROM (
            SELECT id, point_type_id, is_frozen, tier_id, points_available, points_held,
                   points_pending, points_lifetime, points_redeemed, points_owed, code, created_at,
                   updated_at
            FROM wallets WHERE merchant_id = $1 AND member_id = $2 ORDER BY id) AS w),
    'earnings', (
        SELECT coalesce(json_agg(row_to_json(a)), '[]') FROM (
            SELECT id, action, status, base_points, points, points_reversed, order_id,
                   order_number, ordered_at, action_key, note, metadata, due_at, given_at,
                   expires_at, created_at
            FROM earnings WHERE merchant_id = $1 AND member_id = $2 ORDER BY id) AS a),
    'entries', (
        SELECT coalesce(json_agg(row_to_json(e)), '[]') FROM (
            SELECT id, wallet_id, kind, points, points_after, lifetime_points, pending_points,
                   owed_points, redemption_id, earning_id, note, created_at
            FROM entries WHERE merchant_id = $1 AND wallet_id = ANY ($3::bigint[])
            ORDER BY id) AS e),
    'redemptions', (
        SELECT coalesce(json_agg(row_to_json(r)), '[]') FROM (
            SELECT id, reward_id, status, units, points_cost, points_refunded, code, reason, context,
                   expires_at, used_at, fulfilled_at, refunded_at, created_at
            FROM redemptions WHERE merchant_id = $1 AND member_id = $2 ORDER BY id) AS r),
    'email_unsubscribes', (
        SELECT coalesce(json_agg(row_to_json(u)), '[]') FROM (
            SELECT program_id, email, created_at
            FROM email_unsubscribes
            WHERE merchant_id = $1 AND email = (
                SELECT email FROM members WHERE merchant_id = $1 AND id = $2)
            ORDER BY id) AS u),
    'platform_objects', (
        SELECT coalesce(json_agg(row_to_json(o)), '[]') FROM (
            SELECT source, kind, object_key, document, created_at, updated_at
            FROM platform_objects WHERE merchant_id = $1 AND customer_key = $4
            ORDER BY source, kind, object_key) AS o),
    'customers', (
        SELECT coalesce(json_agg(row_to_json(c)), '[]') FROM (
            SELECT id, external_id, email, name, phone, description, document, metadata,
                   created_at, updated_at
            FROM customers WHERE merchant_id = $1 AND external_id = $4 ORDER BY id) AS c),
    'refused_adjustments', (
        SELECT coalesce(json_agg(row_to_json(a)), '[]') FROM (
            SELECT id, wallet_id, points, reason, note, created_at
            FROM refused_adjustments
            WHERE merchant_id = $1 AND wallet_id = ANY ($3::bigint[]) ORDER BY id) AS a),
    'order_payments', (
        SELECT coalesce(json_agg(row_to_json(p)), '[]') FROM (
            SELECT id, wallet_id, entry_id, order_key, points, amount_minor, created_at
            FROM order_payments WHERE merchant_id = $1 AND member_id = $2 ORDER BY id) AS p),
    'async_action_entries', (
        SELECT coalesce(json_agg(row_to_json(n)), '[]') FROM (
            SELECT action_id, place, named, metadata, member_id, error
            FROM async_action_entries WHERE merchant_id = $1 AND external_id = $4
            ORDER BY action_id, place) AS n),
    'orders', (
        SELECT coalesce(json_agg(row_to_json(o)), '[]') FROM (
            SELECT id, order_key, external_id, email, is_guest, document, metadata, created_at,
                   updated_at
            FROM orders WHERE merchant_id = $1 AND (member_id = $2 OR external_id = $4)
            ORDER BY id) AS o)
)::text;

-- name: disclose_customer
-- All that is kept of a customer who is no member, as one JSON document.
SELECT json_build_object(
    'customers', (
        SELECT coalesce(json_agg(row_to_json(c)), '[]') FROM (
            SELECT id, external_id, email, name, phone, description, document, metadata,
                   created_at, updated_at
            FROM customers WHERE merchant_id = $1 AND external_id = $2 ORDER BY id) AS c),
    'async_action_entries', (
        SELECT coalesce(json_agg(row_to_json(n)), '[]') FROM (
            SELECT action_id, place, named, metadata, error
            FROM async_action_entries WHERE merchant_id = $1 AND external_id = $2
            ORDER BY action_id, place) AS n),
    'platform_objects', (
        SELECT coalesce(json_agg(row_to_json(o)), '[]') FROM (
            SELECT source, kind, object_key, document, created_at, updated_at
            FROM platform_objects WHERE merchant_id = $1 AND customer_key = $2
            ORDER BY source, kind, object_key) AS o),
    'orders', (
        SELECT coalesce(json_agg(row_to_json(o)), '[]') FROM (
            SELECT id, order_key, external_id, email, is_guest, document, metadata, created_at,
                   updated_at
            FROM orders WHERE merchant_id = $1 AND external_id = $2 ORDER BY id) AS o)
)::text;
