-- A program's members, as pages. $3 is what an erased member's external id begins with; who is
-- erased, or has left, is a member no more. Conditions on ids ($5 to $7), status ($8, $9), the shop's
-- own ids ($10 to $12) and creation ($13 to $15) must all hold or, with $4, any of those that are
-- there.

-- name: list_program_members_rising
-- Members, in the order in which they came; $16 is the id to go on from.
SELECT m.id, m.program_id, m.external_id, m.email, m.first_name, m.last_name, m.birthday,
       m.anniversary, m.referral_code, m.metadata, m.created_at, m.updated_at, m.left_at,
       w.is_frozen
FROM members m
JOIN wallets w ON w.member_id = m.id AND w.is_default
WHERE m.merchant_id = $1 AND w.merchant_id = $1 AND m.program_id = $2
  AND m.left_at IS NULL AND NOT starts_with(m.external_id, $3)
  AND CASE WHEN $4::boolean THEN
          ($5::boolean AND ($6::bigint[] IS NULL OR m.id = ANY ($6)) AND m.id <> ALL ($7::bigint[]))
          OR ($8::boolean AND w.is_frozen = ANY ($9::boolean[]))
          OR ($10::boolean AND ($11::text[] IS NULL OR m.external_id = ANY ($11))
              AND m.external_id <> ALL ($12::text[]))
          OR ($13::boolean AND m.created_at >= $14::timestamptz AND m.created_at < $15::timestamptz)
      ELSE
          ($6::bigint[] IS NULL OR m.id = ANY ($6)) AND m.id <> ALL ($7::bigint[])
          AND w.is_frozen = ANY ($9::boolean[])
          AND ($11::text[] IS NULL OR m.external_id = ANY ($11))
          AND m.external_id <> ALL ($12::text[])
          AND m.created_at >= $14::timestamptz AND m.created_at < $15::timestamptz
      END
  AND m.id > $16::bigint
ORDER BY m.merchant_id, m.id
LIMIT $17;

-- name: list_program_members_falling
-- Members, the latest first; $16 is the id to go on from.
SELECT m.id, m.program_id, m.external_id, m.email, m.first_name, m.last_name, m.birthday,
       m.anniversary, m.referral_code, m.metadata, m.created_at, m.updated_at, m.left_at,
       w.is_frozen
FROM members m
JOIN wallets w ON w.member_id = m.id AND w.is_default
WHERE m.merchant_id = $1 AND w.merchant_id = $1 AND m.program_id = $2
  AND m.left_at IS NULL AND NOT starts_with(m.external_id, $3)
  AND CASE WHEN $4::boolean THEN
          ($5::boolean AND ($6::bigint[] IS NULL OR m.id = ANY ($6)) AND m.id <> ALL ($7::bigint[]))
          OR ($8::boolean AND w.is_frozen = ANY ($9::boolean[]))
          OR ($10::boolean AND ($11::text[] IS NULL OR m.external_id = ANY ($11))
              AND m.external_id <> ALL ($12::text[]))
          OR ($13::boolean AND m.created_at >= $14::timestamptz AND m.created_at < $15::timestamptz)
      ELSE
          ($6::bigint[] IS NULL OR m.id = ANY ($6)) AND m.id <> ALL ($7::bigint[])
          AND w.is_frozen = ANY ($9::boolean[])
          AND ($11::text[] IS NULL OR m.external_id = ANY ($11))
          AND m.external_id <> ALL ($12::text[])
          AND m.created_at >= $14::timestamptz AND m.created_at < $15::timestamptz
      END
  AND m.id < $16::bigint
ORDER BY m.merchant_id DESC, m.id DESC
LIMIT $17;

-- name: list_program_members_sorted
-- Members by their status and the shop's own ids: $16 says what comes first and $18 what second,
-- $17 and $19 whether it falls; $20 says it of the id, which comes last. $21 to $23 are what the
-- last page ended with, if there was one.
SELECT s.id, s.program_id, s.external_id, s.email, s.first_name, s.last_name, s.birthday,
       s.anniversary, s.referral_code, s.metadata, s.created_at, s.updated_at, s.left_at,
       s.is_frozen
FROM (
    SELECT m.id, m.program_id, m.external_id, m.email, m.first_name, m.last_name, m.birthday,
           m.anniversary, m.referral_code, m.metadata, m.created_at, m.updated_at, m.left_at,
           w.is_frozen,
           CASE $16::text WHEN 'status' THEN CASE WHEN w.is_frozen THEN 'INACTIVE' ELSE 'ACTIVE' END
               WHEN 'customer_id' THEN m.external_id ELSE '' END COLLATE "C" AS first,
           CASE $18::text WHEN 'status' THEN CASE WHEN w.is_frozen THEN 'INACTIVE' ELSE 'ACTIVE' END
               WHEN 'customer_id' THEN m.external_id ELSE '' END COLLATE "C" AS second
    FROM members m
    JOIN wallets w ON w.member_id = m.id AND w.is_default
    WHERE m.merchant_id = $1 AND w.merchant_id = $1 AND m.program_id = $2
      AND m.left_at IS NULL AND NOT starts_with(m.external_id, $3)
      AND CASE WHEN $4::boolean THEN
              ($5::boolean AND ($6::bigint[] IS NULL OR m.id = ANY ($6)) AND m.id <> ALL ($7::bigint[]))
              OR ($8::boolean AND w.is_frozen = ANY ($9::boolean[]))
              OR ($10::boolean AND ($11::text[] IS NULL OR m.external_id = ANY ($11))
                  AND m.external_id <> ALL ($12::text[]))
              OR ($13::boolean AND m.created_at >= $14::timestamptz AND m.created_at < $15::timestamptz)
          ELSE
              ($6::bigint[] IS NULL OR m.id = ANY ($6)) AND m.id <> ALL ($7::bigint[])
              AND w.is_frozen = ANY ($9::boolean[])
              AND ($11::text[] IS NULL OR m.external_id = ANY ($11))
              AND m.external_id <> ALL ($12::text[])
              AND m.created_at >= $14::timestamptz AND m.created_at < $15::timestamptz
          END
) AS s
WHERE $21::text IS NULL OR CASE
    WHEN s.first <> $21 THEN (s.first > $21) <> $17::boolean
    WHEN s.second <> $22::text THEN (s.second > $22) <> $19::boolean
    ELSE s.id <> $23::bigint AND (s.id > $23) <> $20::boolean END
ORDER BY CASE WHEN $17 THEN NULL ELSE s.first END, CASE WHEN $17 THEN s.first END DESC,
         CASE WHEN $19 THEN NULL ELSE s.second END, CASE WHEN $19 THEN s.second END DESC,
         CASE WHEN $20 THEN -s.id ELSE s.id END
LIMIT $24;
