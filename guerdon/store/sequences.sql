-- name: lock_sequence
-- Wait until no batch of the merchant is between its write and its commit.
SELECT next_id, catalogue_version
FROM sequences
WHERE merchant_id = $1
ORDER BY merchant_id
FOR NO KEY UPDATE;

-- name: take_ids
-- Take a run of ids; the row is kept until the commit.
UPDATE sequences SET next_id = next_id + $2::bigint
WHERE merchant_id = $1
RETURNING next_id - $2::bigint AS first_id;

-- name: claim_ids
-- Take the ids from $2 to before $3, unless one of them was given out; the row is kept until the
-- commit.
UPDATE sequences SET next_id = $3::bigint
WHERE merchant_id = $1 AND next_id <= $2::bigint
RETURNING next_id;

-- name: bump_catalogue_version
-- Tell every process that the merchant's offers have changed.
UPDATE sequences SET catalogue_version = catalogue_version + 1
WHERE merchant_id = $1
RETURNING catalogue_version;

-- name: insert_sequence
-- Begin a merchant's ids.
INSERT INTO sequences (merchant_id, next_id, catalogue_version) VALUES ($1, $2, 1);

-- name: get_catalogue_version
-- The version of the merchant's offers.
SELECT catalogue_version FROM sequences WHERE merchant_id = $1;
