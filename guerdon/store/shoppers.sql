-- name: list_shoppers
-- Members of these programs whom the shop knows by this id, or who have this e-mail.
SELECT id, program_id, external_id, email, first_name, last_name, birthday, anniversary,
       referral_code, metadata::text, created_at, updated_at, left_at
FROM members
WHERE merchant_id = $1 AND program_id = ANY ($4::bigint[]) AND external_id = $2
UNION
SELECT id, program_id, external_id, email, first_name, last_name, birthday, anniversary,
       referral_code, metadata::text, created_at, updated_at, left_at
FROM members
WHERE merchant_id = $1 AND program_id = ANY ($4::bigint[]) AND email = $3
ORDER BY id;

-- name: list_redemptions_of_codes
-- Redemptions by any of these codes, with what each is of.
SELECT id, reward_id, status
FROM redemptions
WHERE merchant_id = $1 AND code = ANY ($2::text[])
ORDER BY id;

-- name: list_redemptions_used
-- Redemptions of a program by any of these codes or ids, with what each is of.
SELECT id, reward_id, status
FROM redemptions
WHERE merchant_id = $1 AND program_id = $2 AND code = ANY ($3::text[])
UNION
SELECT id, reward_id, status
FROM redemptions
WHERE merchant_id = $1 AND program_id = $2 AND id = ANY ($4::bigint[])
ORDER BY id;

-- name: list_unerased_members
-- Members whom nobody has erased yet, after an id, a few at a time.
SELECT id, program_id, external_id, email, first_name, last_name, birthday, anniversary,
       referral_code, metadata, created_at, updated_at, left_at
FROM members
WHERE merchant_id = $1 AND id > $2 AND NOT starts_with(external_id, $3)
ORDER BY id
LIMIT $4;

-- name: list_debts
-- Points that were to be taken back from members and were not there any more, the newest first;
-- what a member owes and will pay off is none of them.
SELECT e.id, w.member_id, e.earning_id, a.order_id, e.points - e.asked_points AS points_owed,
       e.created_at
FROM entries e
JOIN wallets w ON w.merchant_id = $1 AND w.id = e.wallet_id
LEFT JOIN earnings a ON a.merchant_id = $1 AND a.id = e.earning_id
WHERE e.merchant_id = $1 AND e.kind = 'reversed' AND e.asked_points IS NOT NULL
  AND e.owed_points = 0
ORDER BY e.id DESC
LIMIT $2;
