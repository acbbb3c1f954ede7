-- name: put_template
-- Add or change a template.
INSERT INTO templates (merchant_id, id, kind, name, status, definition, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7::timestamptz, $8::timestamptz)
ON CONFLICT (merchant_id, id) DO UPDATE
SET name = excluded.name, status = excluded.status, definition = excluded.definition,
    updated_at = excluded.updated_at;

-- name: list_templates
-- A merchant's templates that are not deleted, by id.
SELECT definition FROM templates
WHERE merchant_id = $1 AND status <> 'deleted'
ORDER BY id;

-- name: find_template
-- One template that is not deleted.
SELECT definition FROM templates WHERE merchant_id = $1 AND id = $2 AND status <> 'deleted';
