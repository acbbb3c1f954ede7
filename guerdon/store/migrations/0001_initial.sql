-- The ledger and what surrounds it.
--
-- Every tenant table carries merchant_id first in its primary, unique and foreign keys, so that
-- Citus can distribute all of them by it, side by side. Nothing here computes: no trigger, no
-- procedure, no default that reads the clock.
--
-- CHECKs stand where a wrong figure would cost points, stock or money. Each is read and compiled
-- anew by every statement that writes its table, a tenth of a lone redemption in all; so what else
-- must hold is proven by proofs.sql instead.
SET LOCAL lock_timeout = '5s';

-- Global: one row a merchant; on Citus a reference table, like keys.
CREATE TABLE merchants (
    merchant_id bigint NOT NULL,
    slug text NOT NULL,
    name text NOT NULL,
    timezone text NOT NULL,
    currency text NOT NULL,
    storefront_url text,
    created_at timestamptz NOT NULL,
    CONSTRAINT merchants_pkey PRIMARY KEY (merchant_id),
    CONSTRAINT merchants_slug_unique UNIQUE (slug)
);

-- The next free id of a merchant, and the version of its offers. A batch that writes takes its ids
-- here and keeps the row until it commits: ids become visible in rising order.
CREATE TABLE sequences (
    merchant_id bigint NOT NULL,
    next_id bigint NOT NULL,
    catalogue_version bigint NOT NULL,
    CONSTRAINT sequences_pkey PRIMARY KEY (merchant_id),
    CONSTRAINT sequences_merchant_fkey FOREIGN KEY (merchant_id) REFERENCES merchants (merchant_id)
) WITH (fillfactor = 10);

-- Who may call. Looked up by the hash of the secret before the merchant is known.
CREATE TABLE keys (
    id bigint GENERATED ALWAYS AS IDENTITY,
    merchant_id bigint NOT NULL,
    program_id bigint,
    dialect text NOT NULL,
    name text NOT NULL,
    app_id text,
    secret_hash bytea NOT NULL,
    secret_hint text NOT NULL,
    access text NOT NULL,
    scopes text[] NOT NULL,
    is_managed boolean NOT NULL,
    created_at timestamptz NOT NULL,
    revoked_at timestamptz,
    CONSTRAINT keys_pkey PRIMARY KEY (id),
    CONSTRAINT keys_secret_hash_unique UNIQUE (secret_hash),
    CONSTRAINT keys_access_known CHECK (access IN ('full', 'read'))
);
CREATE INDEX keys_by_merchant ON keys (merchant_id, id);
CREATE UNIQUE INDEX keys_app_id_unique ON keys (dialect, app_id)
    WHERE app_id IS NOT NULL AND revoked_at IS NULL;

CREATE TABLE point_types (
    merchant_id bigint NOT NULL,
    id bigint NOT NULL,
    slug text NOT NULL,
    definition json NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT point_types_pkey PRIMARY KEY (merchant_id, id),
    CONSTRAINT point_types_slug_unique UNIQUE (merchant_id, slug),
    CONSTRAINT point_types_merchant_fkey FOREIGN KEY (merchant_id) REFERENCES merchants (merchant_id)
);

CREATE TABLE programs (
    merchant_id bigint NOT NULL,
    id bigint NOT NULL,
    slug text NOT NULL,
    definition json NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT programs_pkey PRIMARY KEY (merchant_id, id),
    CONSTRAINT programs_slug_unique UNIQUE (merchant_id, slug),
    CONSTRAINT programs_merchant_fkey FOREIGN KEY (merchant_id) REFERENCES merchants (merchant_id)
);

CREATE TABLE tiers (
    merchant_id bigint NOT NULL,
    id bigint NOT NULL,
    program_id bigint NOT NULL,
    slug text NOT NULL,
    definition json NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    archived_at timestamptz,
    CONSTRAINT tiers_pkey PRIMARY KEY (merchant_id, id),
    CONSTRAINT tiers_slug_unique UNIQUE (merchant_id, program_id, slug),
    CONSTRAINT tiers_program_fkey FOREIGN KEY (merchant_id, program_id)
        REFERENCES programs (merchant_id, id)
);

CREATE TABLE rewards (
    merchant_id bigint NOT NULL,
    id bigint NOT NULL,
    program_id bigint NOT NULL,
    slug text NOT NULL,
    version_id bigint NOT NULL,
    definition json NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    archived_at timestamptz,
    CONSTRAINT rewards_pkey PRIMARY KEY (merchant_id, id),
    CONSTRAINT rewards_slug_unique UNIQUE (merchant_id, program_id, slug),
    CONSTRAINT rewards_program_fkey FOREIGN KEY (merchant_id, program_id)
        REFERENCES programs (merchant_id, id)
);

-- A reward as it stood; redemptions point here, so that history never changes its words.
CREATE TABLE reward_versions (
    merchant_id bigint NOT NULL,
    id bigint NOT NULL,
    reward_id bigint NOT NULL,
    definition json NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT reward_versions_pkey PRIMARY KEY (merchant_id, id),
    CONSTRAINT reward_versions_reward_fkey FOREIGN KEY (merchant_id, reward_id)
        REFERENCES rewards (merchant_id, id)
);

-- What was taken of each reward and not given back. The one hot row of a drop.
CREATE TABLE reward_counters (
    merchant_id bigint NOT NULL,
    reward_id bigint NOT NULL,
    redemptions_live bigint NOT NULL,
    units_live bigint NOT NULL,
    units_max bigint,
    redemptions_max bigint,
    CONSTRAINT reward_counters_pkey PRIMARY KEY (merchant_id, reward_id),
    CONSTRAINT reward_counters_reward_fkey FOREIGN KEY (merchant_id, reward_id)
        REFERENCES rewards (merchant_id, id),
    CONSTRAINT reward_counters_not_negative CHECK (redemptions_live >= 0 AND units_live >= 0),
    CONSTRAINT reward_counters_within_max CHECK (
        (units_max IS NULL OR units_live <= units_max)
        AND (redemptions_max IS NULL OR redemptions_live <= redemptions_max)
    )
) WITH (fillfactor = 10);

CREATE TABLE earning_rules (
    merchant_id bigint NOT NULL,
    id bigint NOT NULL,
    program_id bigint NOT NULL,
    slug text NOT NULL,
    definition json NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    archived_at timestamptz,
    CONSTRAINT earning_rules_pkey PRIMARY KEY (merchant_id, id),
    CONSTRAINT earning_rules_slug_unique UNIQUE (merchant_id, program_id, slug),
    CONSTRAINT earning_rules_program_fkey FOREIGN KEY (merchant_id, program_id)
        REFERENCES programs (merchant_id, id)
);

-- The tables that grow with the shoppers (members, wallets, lots, entries, redemptions, earnings,
-- events) have no foreign keys: each is a look-up and a row lock for every row written, and nothing
-- here is ever deleted. proofs.sql finds any row of them that names what is not there.
CREATE TABLE members (
    merchant_id bigint NOT NULL,
    id bigint NOT NULL,
    program_id bigint NOT NULL,
    external_id text NOT NULL,
    email text,
    first_name text,
    last_name text,
    birthday date,
    anniversary date,
    referral_code text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT members_pkey PRIMARY KEY (merchant_id, id),
    CONSTRAINT members_external_id_unique UNIQUE (merchant_id, program_id, external_id),
    CONSTRAINT members_email_lower CHECK (email = lower(email))
);
CREATE INDEX members_by_email ON members (merchant_id, email);

CREATE TABLE wallets (
    merchant_id bigint NOT NULL,
    id bigint NOT NULL,
    member_id bigint NOT NULL,
    program_id bigint NOT NULL,
    point_type_id bigint NOT NULL,
    is_default boolean NOT NULL,
    is_frozen boolean NOT NULL,
    tier_id bigint,
    points_available bigint NOT NULL,
    points_held bigint NOT NULL,
    points_pending bigint NOT NULL,
    points_lifetime bigint NOT NULL,
    points_redeemed bigint NOT NULL,
    -- Counts every change, of the wallet or of its lots.
    version bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT wallets_pkey PRIMARY KEY (merchant_id, id),
    CONSTRAINT wallets_member_unique UNIQUE (merchant_id, member_id, point_type_id),
    CONSTRAINT wallets_not_negative CHECK (
        points_available >= 0 AND points_held >= 0 AND points_pending >= 0
        AND points_lifetime >= 0 AND points_redeemed >= 0
    )
) WITH (fillfactor = 70);

CREATE TABLE lots (
    merchant_id bigint NOT NULL,
    id bigint NOT NULL,
    wallet_id bigint NOT NULL,
    points bigint NOT NULL,
    points_remaining bigint NOT NULL,
    is_open boolean NOT NULL,
    effective_at timestamptz NOT NULL,
    expires_at timestamptz,
    CONSTRAINT lots_pkey PRIMARY KEY (merchant_id, id),
    CONSTRAINT lots_remaining_range CHECK (points_remaining >= 0 AND points_remaining <= points)
) WITH (fillfactor = 70);
-- The flag, not the figure, is in the predicate: a draw that leaves something rewrites no index.
CREATE INDEX lots_open_by_wallet ON lots (merchant_id, wallet_id, effective_at, id) WHERE is_open;
CREATE INDEX lots_open_by_expiry ON lots (merchant_id, expires_at)
    WHERE is_open AND expires_at IS NOT NULL;

CREATE TABLE entries (
    merchant_id bigint NOT NULL,
    id bigint NOT NULL,
    wallet_id bigint NOT NULL,
    kind text NOT NULL,
    points bigint NOT NULL,
    points_after bigint NOT NULL,
    lifetime_points bigint NOT NULL,
    asked_points bigint,
    lot_ids bigint[] NOT NULL,
    lot_points bigint[] NOT NULL,
    redemption_id bigint,
    earning_id bigint,
    note text,
    created_at timestamptz NOT NULL,
    CONSTRAINT entries_pkey PRIMARY KEY (merchant_id, id)
);
CREATE INDEX entries_by_wallet ON entries (merchant_id, wallet_id, id);

CREATE TABLE redemptions (
    merchant_id bigint NOT NULL,
    id bigint NOT NULL,
    program_id bigint NOT NULL,
    member_id bigint NOT NULL,
    wallet_id bigint NOT NULL,
    reward_id bigint NOT NULL,
    reward_version_id bigint NOT NULL,
    status text NOT NULL,
    units integer NOT NULL,
    units_refunded integer NOT NULL,
    units_returned integer NOT NULL,
    points_cost bigint NOT NULL,
    points_refunded bigint NOT NULL,
    lot_ids bigint[] NOT NULL,
    lot_points bigint[] NOT NULL,
    entry_id bigint,
    code text,
    fulfilment text NOT NULL,
    is_grant boolean NOT NULL,
    reason text,
    expires_at timestamptz,
    auto_refund_at timestamptz,
    used_at timestamptz,
    refunded_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT redemptions_pkey PRIMARY KEY (merchant_id, id),
    CONSTRAINT redemptions_code_unique UNIQUE (merchant_id, code),
    CONSTRAINT redemptions_refund_range CHECK (
        points_refunded <= points_cost AND units_refunded <= units AND units_returned <= units
    )
) WITH (fillfactor = 90);
CREATE INDEX redemptions_by_member ON redemptions (merchant_id, member_id, id);
CREATE UNIQUE INDEX redemptions_grant_unique ON redemptions (merchant_id, member_id, reward_id)
    WHERE is_grant;
CREATE INDEX redemptions_pending ON redemptions (merchant_id, updated_at) WHERE status = 'pending';
CREATE INDEX redemptions_expiring ON redemptions (merchant_id, expires_at)
    WHERE status = 'approved' AND expires_at IS NOT NULL;
CREATE INDEX redemptions_auto_refunding ON redemptions (merchant_id, auto_refund_at)
    WHERE status = 'approved' AND auto_refund_at IS NOT NULL;

CREATE TABLE earnings (
    merchant_id bigint NOT NULL,
    id bigint NOT NULL,
    program_id bigint NOT NULL,
    member_id bigint NOT NULL,
    wallet_id bigint NOT NULL,
    rule_id bigint,
    lot_id bigint,
    action text NOT NULL,
    status text NOT NULL,
    base_points bigint NOT NULL,
    multiplier_permille integer NOT NULL,
    points bigint NOT NULL,
    order_id text,
    order_number text,
    ordered_at timestamptz,
    once_key text,
    action_key text,
    is_manual boolean NOT NULL,
    note text,
    metadata text,
    due_at timestamptz,
    given_at timestamptz,
    expires_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT earnings_pkey PRIMARY KEY (merchant_id, id),
    CONSTRAINT earnings_status_known CHECK (status IN ('pending', 'approved', 'rejected'))
);
CREATE INDEX earnings_by_member ON earnings (merchant_id, member_id, id);
CREATE UNIQUE INDEX earnings_once_unique ON earnings (merchant_id, member_id, rule_id, once_key)
    WHERE once_key IS NOT NULL;
CREATE UNIQUE INDEX earnings_action_key_unique ON earnings (merchant_id, rule_id, action_key)
    WHERE action_key IS NOT NULL;
CREATE INDEX earnings_due ON earnings (merchant_id, due_at) WHERE status = 'pending';

-- How far each imported file has come: written in the transaction of each of its chunks, so that a
-- killed import goes on where it stood. A file is known by the digest of its bytes.
CREATE TABLE imports (
    merchant_id bigint NOT NULL,
    program_id bigint NOT NULL,
    digest bytea NOT NULL,
    file_name text NOT NULL,
    rows_done bigint NOT NULL,
    rows_refused bigint NOT NULL,
    members_made bigint NOT NULL,
    points_made bigint NOT NULL,
    errors_bytes bigint NOT NULL,
    is_finished boolean NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT imports_pkey PRIMARY KEY (merchant_id, program_id, digest),
    CONSTRAINT imports_program_fkey FOREIGN KEY (merchant_id, program_id)
        REFERENCES programs (merchant_id, id)
);

CREATE TABLE pool_codes (
    merchant_id bigint NOT NULL,
    id bigint NOT NULL,
    reward_id bigint NOT NULL,
    code text NOT NULL,
    redemption_id bigint,
    created_at timestamptz NOT NULL,
    CONSTRAINT pool_codes_pkey PRIMARY KEY (merchant_id, id),
    CONSTRAINT pool_codes_code_unique UNIQUE (merchant_id, code),
    CONSTRAINT pool_codes_reward_fkey FOREIGN KEY (merchant_id, reward_id)
        REFERENCES rewards (merchant_id, id)
);
CREATE INDEX pool_codes_free ON pool_codes (merchant_id, reward_id, id)
    WHERE redemption_id IS NULL;

CREATE TABLE idempotency_records (
    merchant_id bigint NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    answer bytea NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT idempotency_records_pkey PRIMARY KEY (merchant_id, key)
);
CREATE INDEX idempotency_records_by_age ON idempotency_records (merchant_id, created_at);

-- Facts to announce, written with their cause. `batch` is a random mark of the transaction: after a
-- connection lost at COMMIT, it says whether these rows are that transaction's own.
CREATE TABLE events (
    merchant_id bigint NOT NULL,
    id bigint NOT NULL,
    kind text NOT NULL,
    program_id bigint NOT NULL,
    member_id bigint NOT NULL,
    redemption_id bigint,
    earning_id bigint,
    batch bigint NOT NULL,
    facts text NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT events_pkey PRIMARY KEY (merchant_id, id)
);

CREATE TABLE webhook_subscriptions (
    merchant_id bigint NOT NULL,
    id bigint NOT NULL,
    program_id bigint,
    dialect text NOT NULL,
    url text NOT NULL,
    events text[] NOT NULL,
    description text,
    is_active boolean NOT NULL,
    is_managed boolean NOT NULL,
    secret_sealed bytea NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT webhook_subscriptions_pkey PRIMARY KEY (merchant_id, id),
    CONSTRAINT webhook_subscriptions_merchant_fkey FOREIGN KEY (merchant_id)
        REFERENCES merchants (merchant_id)
);

-- Platforms that a merchant is connected to; what may not be shown is sealed.
CREATE TABLE integrations (
    merchant_id bigint NOT NULL,
    kind text NOT NULL,
    definition json NOT NULL,
    secret_sealed bytea NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT integrations_pkey PRIMARY KEY (merchant_id, kind),
    CONSTRAINT integrations_merchant_fkey FOREIGN KEY (merchant_id)
        REFERENCES merchants (merchant_id)
);
