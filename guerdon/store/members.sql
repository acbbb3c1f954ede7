-- name: insert_members
-- Add members.
INSERT INTO members (merchant_id, id, program_id, external_id, email, first_name, last_name,
    birthday, anniversary, referral_code, metadata, batch, created_at, updated_at)
SELECT $1, m.id, m.program_id, m.external_id, m.email, m.first_name, m.last_name, m.birthday,
       m.anniversary, m.referral_code, m.metadata::json, $12::bigint, $2::timestamptz,
       $2::timestamptz
FROM unnest($3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[],
    $9::date[], $10::date[], $11::text[], $13::text[])
    AS m (id, program_id, external_id, email, first_name, last_name, birthday, anniversary,
        referral_code, metadata);

-- name: list_members
-- Members by id.
SELECT id, program_id, external_id, email, first_name, last_name, birthday, anniversary,
       referral_code, metadata, created_at, updated_at, left_at
FROM members
WHERE merchant_id = $1 AND id = ANY ($2::bigint[]);

-- name: update_members
-- Change what is known of members.
UPDATE members m
SET external_id = c.external_id, email = c.email, first_name = c.first_name,
    last_name = c.last_name, birthday = c.birthday, anniversary = c.anniversary,
    referral_code = c.referral_code, metadata = c.metadata::json, updated_at = c.updated_at,
    left_at = c.left_at
FROM unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::date[], $8::date[],
    $9::text[], $10::timestamptz[], $11::text[], $12::text::timestamptz[])
    AS c (id, external_id, email, first_name, last_name, birthday, anniversary, referral_code,
        updated_at, metadata, left_at)
WHERE m.merchant_id = $1 AND m.id = c.id;
