-- Members who have left: their shop's id is free for a new member, their history stays.
SET LOCAL lock_timeout = '5s';

ALTER TABLE members ADD COLUMN left_at timestamptz;
