-- Lists of members by their last change and of all movements of points, in the order of commits.
SET LOCAL lock_timeout = '5s';

-- What an entry moves of the points that are earned but not yet approved. An approval takes from
-- these what it credits, so that both are one movement.
ALTER TABLE entries ADD COLUMN pending_points bigint NOT NULL DEFAULT 0;

-- The mark of the transaction that changed the wallet last, which the events of that transaction
-- carry too: so the last of a member's events is known by itself, and no index on the wallets is
-- needed, which every redemption would have to move. Null: not changed since it was imported.
ALTER TABLE wallets ADD COLUMN batch bigint;

-- The transaction that enrolled a member, likewise; null for the imported, of whom no event tells.
ALTER TABLE members ADD COLUMN batch bigint;
CREATE INDEX members_imported ON members (merchant_id, id) WHERE batch IS NULL;

-- When the member came to their tier; null: they began on it.
ALTER TABLE wallets ADD COLUMN tier_entered_at timestamptz;
