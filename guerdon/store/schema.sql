-- The whole schema, for readers. Made by `python -m guerdon.store.schema`; a test proves
-- that it is what the migrations build. To change the schema, add a migration.

CREATE TABLE async_action_entries (
    merchant_id bigint NOT NULL,
    action_id bigint NOT NULL,
    place integer NOT NULL,
    named text NOT NULL,
    is_source boolean NOT NULL,
    external_id text,
    is_frozen boolean NOT NULL,
    metadata json,
    is_open boolean NOT NULL,
    member_id bigint,
    error text,
    CONSTRAINT async_action_entries_pkey PRIMARY KEY (merchant_id, action_id, place)
);
CREATE INDEX async_action_entries_by_customer ON async_action_entries USING btree (merchant_id, external_id) WHERE (external_id IS NOT NULL);
CREATE INDEX async_action_entries_open ON async_action_entries USING btree (merchant_id, action_id, place) WHERE is_open;

CREATE TABLE async_actions (
    merchant_id bigint NOT NULL,
    id bigint NOT NULL,
    kind text NOT NULL,
    program_id bigint NOT NULL,
    is_open boolean NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone,
    CONSTRAINT async_actions_pkey PRIMARY KEY (merchant_id, id),
    CONSTRAINT async_actions_kind_known CHECK ((kind = 'enrol'::text))
);
CREATE INDEX async_actions_open ON async_actions USING btree (merchant_id, id) WHERE is_open;
CREATE INDEX async_actions_over ON async_actions USING btree (merchant_id, updated_at) WHERE (NOT is_open);

CREATE TABLE customers (
    merchant_id bigint NOT NULL,
    id bigint NOT NULL,
    external_id text NOT NULL,
    email text,
    name text,
    phone text,
    description text,
    document json NOT NULL,
    metadata json NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone,
    CONSTRAINT customers_pkey PRIMARY KEY (merchant_id, id),
    CONSTRAINT customers_external_id_unique UNIQUE (merchant_id, external_id)
);
CREATE INDEX customers_by_email ON customers USING btree (merchant_id, email);

CREATE TABLE deliveries (
    merchant_id bigint NOT NULL,
    id bigint NOT NULL,
    destination text NOT NULL,
    event_id bigint NOT NULL,
    member_id bigint NOT NULL,
    status text NOT NULL,
    is_open boolean NOT NULL,
    attempts integer NOT NULL,
    next_at timestamp with time zone NOT NULL,
    leased_until timestamp with time zone,
    last_error text,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT deliveries_pkey PRIMARY KEY (merchant_id, id),
    CONSTRAINT deliveries_open_when_waiting CHECK ((is_open = (status = 'waiting'::text))),
    CONSTRAINT deliveries_status_known CHECK ((status = ANY (ARRAY['waiting'::text, 'delivered'::text, 'skipped'::text, 'dead'::text, 'uncertain'::text])))
) WITH (fillfactor=70, autovacuum_vacuum_scale_factor=0.05);
CREATE INDEX deliveries_due ON deliveries USING btree (merchant_id, destination, next_at, id) WHERE is_open;
CREATE INDEX deliveries_failed ON deliveries USING btree (merchant_id, status, id) WHERE (status = ANY (ARRAY['dead'::text, 'uncertain'::text]));
CREATE INDEX deliveries_open_by_member ON deliveries USING btree (merchant_id, destination, member_id, id) WHERE is_open;
CREATE INDEX deliveries_over ON deliveries USING btree (merchant_id, updated_at) WHERE (status = ANY (ARRAY['delivered'::text, 'skipped'::text]));

CREATE TABLE earning_rules (
    merchant_id bigint NOT NULL,
    id bigint NOT NULL,
    program_id bigint NOT NULL,
    slug text NOT NULL,
    definition json NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    archived_at timestamp with time zone,
    CONSTRAINT earning_rules_pkey PRIMARY KEY (merchant_id, id),
    CONSTRAINT earning_rules_slug_unique UNIQUE (merchant_id, program_id, slug)
);

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
    ordered_at timestamp with time zone,
    once_key text,
    action_key text,
    is_manual boolean NOT NULL,
    note text,
    metadata text,
    due_at timestamp with time zone,
    given_at timestamp with time zone,
    expires_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    points_reversed bigint DEFAULT 0 NOT NULL,
    CONSTRAINT earnings_pkey PRIMARY KEY (merchant_id, id),
    CONSTRAINT earnings_reversed_not_negative CHECK ((points_reversed >= 0)),
    CONSTRAINT earnings_status_known CHECK ((status = ANY (ARRAY['pending'::text, 'approved'::text, 'rejected'::text])))
);
CREATE UNIQUE INDEX earnings_action_key_unique ON earnings USING btree (merchant_id, rule_id, action_key) WHERE (action_key IS NOT NULL);
CREATE INDEX earnings_by_member ON earnings USING btree (merchant_id, member_id, id);
CREATE INDEX earnings_due ON earnings USING btree (merchant_id, due_at) WHERE (status = 'pending'::text);
CREATE UNIQUE INDEX earnings_once_unique ON earnings USING btree (merchant_id, member_id, rule_id, once_key) WHERE (once_key IS NOT NULL);

CREATE TABLE email_unsubscribes (
    merchant_id bigint NOT NULL,
    id bigint NOT NULL,
    program_id bigint NOT NULL,
    email text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT email_unsubscribes_pkey PRIMARY KEY (merchant_id, id),
    CONSTRAINT email_unsubscribes_email_unique UNIQUE (merchant_id, program_id, email)
);

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
    created_at timestamp with time zone NOT NULL,
    pending_points bigint DEFAULT 0 NOT NULL,
    owed_points bigint DEFAULT 0 NOT NULL,
    CONSTRAINT entries_pkey PRIMARY KEY (merchant_id, id)
);
CREATE INDEX entries_by_wallet ON entries USING btree (merchant_id, wallet_id, id);
CREATE INDEX entries_owed ON entries USING btree (merchant_id, id) WHERE ((kind = 'reversed'::text) AND (asked_points IS NOT NULL));

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
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT events_pkey PRIMARY KEY (merchant_id, id)
);

CREATE TABLE fulfilments (
    merchant_id bigint NOT NULL,
    redemption_id bigint NOT NULL,
    code text,
    reference text,
    attempts integer NOT NULL,
    next_at timestamp with time zone NOT NULL,
    leased_until timestamp with time zone,
    last_error text,
    is_open boolean NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT fulfilments_pkey PRIMARY KEY (merchant_id, redemption_id)
);
CREATE INDEX fulfilments_open ON fulfilments USING btree (merchant_id, next_at, redemption_id) WHERE is_open;

CREATE TABLE idempotency_records (
    merchant_id bigint NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    answer bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT idempotency_records_pkey PRIMARY KEY (merchant_id, key)
);
CREATE INDEX idempotency_records_by_age ON idempotency_records USING btree (merchant_id, created_at);

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
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT imports_pkey PRIMARY KEY (merchant_id, program_id, digest)
);

CREATE TABLE inbox_events (
    merchant_id bigint NOT NULL,
    id bigint NOT NULL,
    source text NOT NULL,
    topic text NOT NULL,
    delivery_key text NOT NULL,
    event_key text,
    body bytea NOT NULL,
    triggered_at timestamp with time zone,
    received_at timestamp with time zone NOT NULL,
    status text NOT NULL,
    is_open boolean NOT NULL,
    attempts integer NOT NULL,
    next_at timestamp with time zone NOT NULL,
    leased_until timestamp with time zone,
    last_error text,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT inbox_events_pkey PRIMARY KEY (merchant_id, id),
    CONSTRAINT inbox_events_delivery_unique UNIQUE (merchant_id, source, delivery_key),
    CONSTRAINT inbox_events_event_unique UNIQUE (merchant_id, source, topic, event_key),
    CONSTRAINT inbox_events_open_when_waiting CHECK ((is_open = (status = 'waiting'::text))),
    CONSTRAINT inbox_events_status_known CHECK ((status = ANY (ARRAY['waiting'::text, 'done'::text, 'ignored'::text, 'dead'::text])))
);
CREATE INDEX inbox_events_closed ON inbox_events USING btree (merchant_id, updated_at) WHERE (NOT is_open);
CREATE INDEX inbox_events_open ON inbox_events USING btree (merchant_id, next_at, id) WHERE is_open;

CREATE TABLE integrations (
    merchant_id bigint NOT NULL,
    kind text NOT NULL,
    definition json NOT NULL,
    secret_sealed bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT integrations_pkey PRIMARY KEY (merchant_id, kind)
);

CREATE TABLE keys (
    id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
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
    created_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone,
    CONSTRAINT keys_pkey PRIMARY KEY (id),
    CONSTRAINT keys_secret_hash_unique UNIQUE (secret_hash),
    CONSTRAINT keys_access_known CHECK ((access = ANY (ARRAY['full'::text, 'read'::text])))
);
CREATE UNIQUE INDEX keys_app_id_unique ON keys USING btree (dialect, app_id) WHERE ((app_id IS NOT NULL) AND (revoked_at IS NULL));
CREATE INDEX keys_by_merchant ON keys USING btree (merchant_id, id);

CREATE TABLE lots (
    merchant_id bigint NOT NULL,
    id bigint NOT NULL,
    wallet_id bigint NOT NULL,
    points bigint NOT NULL,
    points_remaining bigint NOT NULL,
    is_open boolean NOT NULL,
    effective_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone,
    CONSTRAINT lots_pkey PRIMARY KEY (merchant_id, id),
    CONSTRAINT lots_remaining_range CHECK (((points_remaining >= 0) AND (points_remaining <= points)))
) WITH (fillfactor=70);
CREATE INDEX lots_open_by_expiry ON lots USING btree (merchant_id, expires_at) WHERE (is_open AND (expires_at IS NOT NULL));
CREATE INDEX lots_open_by_wallet ON lots USING btree (merchant_id, wallet_id, effective_at, id) WHERE is_open;

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
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    batch bigint,
    metadata json,
    left_at timestamp with time zone,
    CONSTRAINT members_pkey PRIMARY KEY (merchant_id, id),
    CONSTRAINT members_external_id_unique UNIQUE (merchant_id, program_id, external_id),
    CONSTRAINT members_email_lower CHECK ((email = lower(email)))
);
CREATE INDEX members_by_email ON members USING btree (merchant_id, email);
CREATE INDEX members_imported ON members USING btree (merchant_id, id) WHERE (batch IS NULL);

CREATE TABLE merchants (
    merchant_id bigint NOT NULL,
    slug text NOT NULL,
    name text NOT NULL,
    timezone text NOT NULL,
    currency text NOT NULL,
    storefront_url text,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT merchants_pkey PRIMARY KEY (merchant_id),
    CONSTRAINT merchants_slug_unique UNIQUE (slug)
);

CREATE TABLE oauth_tokens (
    merchant_id bigint NOT NULL,
    id bigint NOT NULL,
    key_id bigint NOT NULL,
    token_hash bytea NOT NULL,
    scopes text[] NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT oauth_tokens_pkey PRIMARY KEY (merchant_id, id),
    CONSTRAINT oauth_tokens_hash_unique UNIQUE (merchant_id, token_hash)
);

CREATE TABLE order_payments (
    merchant_id bigint NOT NULL,
    id bigint NOT NULL,
    program_id bigint NOT NULL,
    member_id bigint NOT NULL,
    wallet_id bigint NOT NULL,
    entry_id bigint NOT NULL,
    order_key text NOT NULL,
    points bigint NOT NULL,
    amount_minor bigint NOT NULL,
    exchange_ratio text NOT NULL,
    cap_kind text NOT NULL,
    cap_unit text NOT NULL,
    cap_value bigint NOT NULL,
    points_max bigint,
    amount_max_minor bigint,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT order_payments_pkey PRIMARY KEY (merchant_id, id),
    CONSTRAINT order_payments_positive CHECK (((points > 0) AND (amount_minor > 0)))
);
CREATE INDEX order_payments_by_member ON order_payments USING btree (merchant_id, member_id, id);
CREATE INDEX order_payments_by_order ON order_payments USING btree (merchant_id, order_key);

CREATE TABLE orders (
    merchant_id bigint NOT NULL,
    id bigint NOT NULL,
    program_id bigint NOT NULL,
    order_key text NOT NULL,
    member_id bigint,
    external_id text NOT NULL,
    email text,
    is_guest boolean NOT NULL,
    document json NOT NULL,
    metadata json,
    revision bigint NOT NULL,
    is_open boolean NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT orders_pkey PRIMARY KEY (merchant_id, id),
    CONSTRAINT orders_order_key_unique UNIQUE (merchant_id, program_id, order_key)
) WITH (fillfactor=70);
CREATE INDEX orders_by_customer ON orders USING btree (merchant_id, external_id);
CREATE INDEX orders_by_member ON orders USING btree (merchant_id, member_id) WHERE (member_id IS NOT NULL);
CREATE INDEX orders_by_program ON orders USING btree (merchant_id, program_id, id);
CREATE INDEX orders_open ON orders USING btree (merchant_id, id) WHERE is_open;

CREATE TABLE outbox_cursors (
    merchant_id bigint NOT NULL,
    last_event_id bigint NOT NULL,
    next_delivery_id bigint NOT NULL,
    destinations text[] NOT NULL,
    CONSTRAINT outbox_cursors_pkey PRIMARY KEY (merchant_id)
) WITH (fillfactor=10);

CREATE TABLE platform_objects (
    merchant_id bigint NOT NULL,
    source text NOT NULL,
    kind text NOT NULL,
    object_key text NOT NULL,
    customer_key text,
    document json NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT platform_objects_pkey PRIMARY KEY (merchant_id, source, kind, object_key),
    CONSTRAINT platform_objects_kind_known CHECK ((kind = ANY (ARRAY['order'::text, 'customer'::text])))
) WITH (fillfactor=70);
CREATE INDEX platform_objects_by_customer ON platform_objects USING btree (merchant_id, source, customer_key) WHERE (customer_key IS NOT NULL);

CREATE TABLE point_types (
    merchant_id bigint NOT NULL,
    id bigint NOT NULL,
    slug text NOT NULL,
    definition json NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT point_types_pkey PRIMARY KEY (merchant_id, id),
    CONSTRAINT point_types_slug_unique UNIQUE (merchant_id, slug)
);

CREATE TABLE pool_codes (
    merchant_id bigint NOT NULL,
    id bigint NOT NULL,
    reward_id bigint NOT NULL,
    code text NOT NULL,
    redemption_id bigint,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT pool_codes_pkey PRIMARY KEY (merchant_id, id),
    CONSTRAINT pool_codes_code_unique UNIQUE (merchant_id, code)
);
CREATE INDEX pool_codes_free ON pool_codes USING btree (merchant_id, reward_id, id) WHERE (redemption_id IS NULL);

CREATE TABLE pool_mints (
    merchant_id bigint NOT NULL,
    id bigint NOT NULL,
    reward_id bigint NOT NULL,
    terms text NOT NULL,
    codes text[] NOT NULL,
    reference text,
    is_open boolean NOT NULL,
    attempts integer NOT NULL,
    next_at timestamp with time zone NOT NULL,
    leased_until timestamp with time zone,
    last_error text,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT pool_mints_pkey PRIMARY KEY (merchant_id, id)
);
CREATE INDEX pool_mints_by_reward ON pool_mints USING btree (merchant_id, reward_id, id);
CREATE UNIQUE INDEX pool_mints_open_unique ON pool_mints USING btree (merchant_id, reward_id) WHERE is_open;

CREATE TABLE privacy_requests (
    merchant_id bigint NOT NULL,
    id bigint NOT NULL,
    source text NOT NULL,
    request_key text NOT NULL,
    customer_key text NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    answered_at timestamp with time zone,
    CONSTRAINT privacy_requests_pkey PRIMARY KEY (merchant_id, id),
    CONSTRAINT privacy_requests_request_unique UNIQUE (merchant_id, source, request_key)
);

CREATE TABLE programs (
    merchant_id bigint NOT NULL,
    id bigint NOT NULL,
    slug text NOT NULL,
    definition json NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT programs_pkey PRIMARY KEY (merchant_id, id),
    CONSTRAINT programs_slug_unique UNIQUE (merchant_id, slug)
);

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
    expires_at timestamp with time zone,
    auto_refund_at timestamp with time zone,
    used_at timestamp with time zone,
    refunded_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    context json,
    fulfilled_at timestamp with time zone,
    CONSTRAINT redemptions_pkey PRIMARY KEY (merchant_id, id),
    CONSTRAINT redemptions_code_unique UNIQUE (merchant_id, code),
    CONSTRAINT redemptions_refund_range CHECK (((points_refunded <= points_cost) AND (units_refunded <= units) AND (units_returned <= units)))
) WITH (fillfactor=90);
CREATE INDEX redemptions_auto_refunding ON redemptions USING btree (merchant_id, auto_refund_at) WHERE ((status = 'approved'::text) AND (auto_refund_at IS NOT NULL));
CREATE INDEX redemptions_by_member ON redemptions USING btree (merchant_id, member_id, id);
CREATE INDEX redemptions_by_session ON redemptions USING btree (merchant_id, reward_id, ((context #>> '{session,token}'::text[]))) WHERE (context IS NOT NULL);
CREATE INDEX redemptions_expiring ON redemptions USING btree (merchant_id, expires_at) WHERE ((status = 'approved'::text) AND (expires_at IS NOT NULL));
CREATE UNIQUE INDEX redemptions_grant_unique ON redemptions USING btree (merchant_id, member_id, reward_id) WHERE is_grant;
CREATE INDEX redemptions_handing_over ON redemptions USING btree (merchant_id, reward_id, id) WHERE ((status = 'approved'::text) AND (fulfilment = 'open'::text));
CREATE INDEX redemptions_pending ON redemptions USING btree (merchant_id, updated_at) WHERE (status = 'pending'::text);
CREATE INDEX redemptions_queued ON redemptions USING btree (merchant_id, created_at) WHERE ((status = 'pending'::text) AND (fulfilment = 'queued'::text));

CREATE TABLE refused_adjustments (
    merchant_id bigint NOT NULL,
    id bigint NOT NULL,
    wallet_id bigint NOT NULL,
    member_id bigint NOT NULL,
    points bigint NOT NULL,
    reason text NOT NULL,
    note text,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT refused_adjustments_pkey PRIMARY KEY (merchant_id, id)
);
CREATE INDEX refused_adjustments_by_wallet ON refused_adjustments USING btree (merchant_id, wallet_id, id);

CREATE TABLE reward_counters (
    merchant_id bigint NOT NULL,
    reward_id bigint NOT NULL,
    redemptions_live bigint NOT NULL,
    units_live bigint NOT NULL,
    units_max bigint,
    redemptions_max bigint,
    CONSTRAINT reward_counters_pkey PRIMARY KEY (merchant_id, reward_id),
    CONSTRAINT reward_counters_not_negative CHECK (((redemptions_live >= 0) AND (units_live >= 0))),
    CONSTRAINT reward_counters_within_max CHECK ((((units_max IS NULL) OR (units_live <= units_max)) AND ((redemptions_max IS NULL) OR (redemptions_live <= redemptions_max))))
) WITH (fillfactor=10);

CREATE TABLE reward_versions (
    merchant_id bigint NOT NULL,
    id bigint NOT NULL,
    reward_id bigint NOT NULL,
    definition json NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT reward_versions_pkey PRIMARY KEY (merchant_id, id)
);

CREATE TABLE rewards (
    merchant_id bigint NOT NULL,
    id bigint NOT NULL,
    program_id bigint NOT NULL,
    slug text NOT NULL,
    version_id bigint NOT NULL,
    definition json NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    archived_at timestamp with time zone,
    CONSTRAINT rewards_pkey PRIMARY KEY (merchant_id, id),
    CONSTRAINT rewards_slug_unique UNIQUE (merchant_id, program_id, slug)
);

CREATE TABLE sequences (
    merchant_id bigint NOT NULL,
    next_id bigint NOT NULL,
    catalogue_version bigint NOT NULL,
    CONSTRAINT sequences_pkey PRIMARY KEY (merchant_id)
) WITH (fillfactor=10);

CREATE TABLE shop_syncs (
    merchant_id bigint NOT NULL,
    catalogue_version bigint NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT shop_syncs_pkey PRIMARY KEY (merchant_id)
);

CREATE TABLE signing_secrets (
    merchant_id bigint NOT NULL,
    program_id bigint NOT NULL,
    dialect text NOT NULL,
    secret_sealed bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT signing_secrets_pkey PRIMARY KEY (merchant_id, program_id, dialect)
);

CREATE TABLE templates (
    merchant_id bigint NOT NULL,
    id bigint NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    status text NOT NULL,
    definition json NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone,
    CONSTRAINT templates_pkey PRIMARY KEY (merchant_id, id),
    CONSTRAINT templates_kind_known CHECK ((kind = ANY (ARRAY['reward'::text, 'rule'::text])))
);
CREATE INDEX templates_by_kind ON templates USING btree (merchant_id, kind, id);

CREATE TABLE tiers (
    merchant_id bigint NOT NULL,
    id bigint NOT NULL,
    program_id bigint NOT NULL,
    slug text NOT NULL,
    definition json NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    archived_at timestamp with time zone,
    CONSTRAINT tiers_pkey PRIMARY KEY (merchant_id, id),
    CONSTRAINT tiers_slug_unique UNIQUE (merchant_id, program_id, slug)
);

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
    version bigint DEFAULT 0 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    batch bigint,
    tier_entered_at timestamp with time zone,
    points_owed bigint DEFAULT 0 NOT NULL,
    code text,
    CONSTRAINT wallets_pkey PRIMARY KEY (merchant_id, id),
    CONSTRAINT wallets_member_unique UNIQUE (merchant_id, member_id, point_type_id),
    CONSTRAINT wallets_not_negative CHECK (((points_available >= 0) AND (points_held >= 0) AND (points_pending >= 0) AND (points_lifetime >= 0) AND (points_redeemed >= 0)))
) WITH (fillfactor=70);
CREATE UNIQUE INDEX wallets_code_unique ON wallets USING btree (merchant_id, code) WHERE (code IS NOT NULL);

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
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    failing_since timestamp with time zone,
    CONSTRAINT webhook_subscriptions_pkey PRIMARY KEY (merchant_id, id)
);

ALTER TABLE async_action_entries ADD CONSTRAINT async_action_entries_action_fkey FOREIGN KEY (merchant_id, action_id) REFERENCES async_actions(merchant_id, id) ON DELETE CASCADE;
ALTER TABLE earning_rules ADD CONSTRAINT earning_rules_program_fkey FOREIGN KEY (merchant_id, program_id) REFERENCES programs(merchant_id, id);
ALTER TABLE imports ADD CONSTRAINT imports_program_fkey FOREIGN KEY (merchant_id, program_id) REFERENCES programs(merchant_id, id);
ALTER TABLE integrations ADD CONSTRAINT integrations_merchant_fkey FOREIGN KEY (merchant_id) REFERENCES merchants(merchant_id);
ALTER TABLE point_types ADD CONSTRAINT point_types_merchant_fkey FOREIGN KEY (merchant_id) REFERENCES merchants(merchant_id);
ALTER TABLE pool_codes ADD CONSTRAINT pool_codes_reward_fkey FOREIGN KEY (merchant_id, reward_id) REFERENCES rewards(merchant_id, id);
ALTER TABLE programs ADD CONSTRAINT programs_merchant_fkey FOREIGN KEY (merchant_id) REFERENCES merchants(merchant_id);
ALTER TABLE reward_counters ADD CONSTRAINT reward_counters_reward_fkey FOREIGN KEY (merchant_id, reward_id) REFERENCES rewards(merchant_id, id);
ALTER TABLE reward_versions ADD CONSTRAINT reward_versions_reward_fkey FOREIGN KEY (merchant_id, reward_id) REFERENCES rewards(merchant_id, id);
ALTER TABLE rewards ADD CONSTRAINT rewards_program_fkey FOREIGN KEY (merchant_id, program_id) REFERENCES programs(merchant_id, id);
ALTER TABLE sequences ADD CONSTRAINT sequences_merchant_fkey FOREIGN KEY (merchant_id) REFERENCES merchants(merchant_id);
ALTER TABLE templates ADD CONSTRAINT templates_merchant_fkey FOREIGN KEY (merchant_id) REFERENCES merchants(merchant_id);
ALTER TABLE tiers ADD CONSTRAINT tiers_program_fkey FOREIGN KEY (merchant_id, program_id) REFERENCES programs(merchant_id, id);
ALTER TABLE webhook_subscriptions ADD CONSTRAINT webhook_subscriptions_merchant_fkey FOREIGN KEY (merchant_id) REFERENCES merchants(merchant_id);
