-- What leaves and what arrives: deliveries of events, fulfilments on platforms, the inbox.
SET LOCAL lock_timeout = '5s';

-- How far the events of a merchant have been handed on to its destinations. Events become visible
-- in the order of their ids, so that one number says it all. Deliveries have a run of ids of their
-- own, so that making them never waits for the ledger. `destinations` are those that may have
-- deliveries open: where to look, without looking through all.
CREATE TABLE outbox_cursors (
    merchant_id bigint NOT NULL,
    last_event_id bigint NOT NULL,
    next_delivery_id bigint NOT NULL,
    destinations text[] NOT NULL,
    CONSTRAINT outbox_cursors_pkey PRIMARY KEY (merchant_id)
) WITH (fillfactor = 10);

-- One event on its way to one destination: 'klaviyo', 'omnisend', 'postscript', 'shopify', or
-- 'webhook:' and the subscription's id. A lease says that a worker has it in hand until then.
-- 'uncertain': the destination may have acted, and would act twice if asked again.
CREATE TABLE deliveries (
    merchant_id bigint NOT NULL,
    id bigint NOT NULL,
    destination text NOT NULL,
    event_id bigint NOT NULL,
    member_id bigint NOT NULL,
    status text NOT NULL,
    is_open boolean NOT NULL,
    attempts integer NOT NULL,
    next_at timestamptz NOT NULL,
    leased_until timestamptz,
    last_error text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT deliveries_pkey PRIMARY KEY (merchant_id, id),
    CONSTRAINT deliveries_status_known CHECK (status IN ('waiting', 'delivered', 'skipped', 'dead',
        'uncertain')),
    CONSTRAINT deliveries_open_when_waiting CHECK (is_open = (status = 'waiting'))
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX deliveries_open_by_member ON deliveries (merchant_id, destination, member_id, id)
    WHERE is_open;
CREATE INDEX deliveries_due ON deliveries (merchant_id, destination, next_at, id) WHERE is_open;
CREATE INDEX deliveries_over ON deliveries (merchant_id, updated_at)
    WHERE status IN ('delivered', 'skipped');
CREATE INDEX deliveries_failed ON deliveries (merchant_id, status, id)
    WHERE status IN ('dead', 'uncertain');

-- What handing a redemption over on a platform has come to. Made at the first thing worth keeping:
-- a failed attempt, another code, the platform's own name for what it made. Open while the worker
-- has something left to do: hand a pending one over, take a declined one back.
CREATE TABLE fulfilments (
    merchant_id bigint NOT NULL,
    redemption_id bigint NOT NULL,
    code text,
    reference text,
    attempts integer NOT NULL,
    next_at timestamptz NOT NULL,
    leased_until timestamptz,
    last_error text,
    is_open boolean NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT fulfilments_pkey PRIMARY KEY (merchant_id, redemption_id)
);
CREATE INDEX fulfilments_open ON fulfilments (merchant_id, next_at, redemption_id) WHERE is_open;
-- What staff or the shop's own endpoint have yet to hand over.
CREATE INDEX redemptions_handing_over ON redemptions (merchant_id, reward_id, id)
    WHERE status = 'approved' AND fulfilment = 'open';

-- Webhooks received, stored raw before they are acted on.
CREATE TABLE inbox_events (
    merchant_id bigint NOT NULL,
    id bigint NOT NULL,
    source text NOT NULL,
    topic text NOT NULL,
    delivery_key text NOT NULL,
    event_key text,
    body bytea NOT NULL,
    triggered_at timestamptz,
    received_at timestamptz NOT NULL,
    status text NOT NULL,
    is_open boolean NOT NULL,
    attempts integer NOT NULL,
    next_at timestamptz NOT NULL,
    leased_until timestamptz,
    last_error text,
    updated_at timestamptz NOT NULL,
    CONSTRAINT inbox_events_pkey PRIMARY KEY (merchant_id, id),
    CONSTRAINT inbox_events_delivery_unique UNIQUE (merchant_id, source, delivery_key),
    CONSTRAINT inbox_events_event_unique UNIQUE (merchant_id, source, topic, event_key),
    CONSTRAINT inbox_events_status_known CHECK (status IN ('waiting', 'done', 'ignored', 'dead')),
    CONSTRAINT inbox_events_open_when_waiting CHECK (is_open = (status = 'waiting'))
);
CREATE INDEX inbox_events_open ON inbox_events (merchant_id, next_at, id) WHERE is_open;
CREATE INDEX inbox_events_closed ON inbox_events (merchant_id, updated_at) WHERE NOT is_open;

-- What is known of a thing that a platform tells of in several messages, in whatever order they
-- come: an order, a customer. `customer_key` is whose it is.
CREATE TABLE platform_objects (
    merchant_id bigint NOT NULL,
    source text NOT NULL,
    kind text NOT NULL,
    object_key text NOT NULL,
    customer_key text,
    document json NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT platform_objects_pkey PRIMARY KEY (merchant_id, source, kind, object_key),
    CONSTRAINT platform_objects_kind_known CHECK (kind IN ('order', 'customer'))
) WITH (fillfactor = 70);
CREATE INDEX platform_objects_by_customer
    ON platform_objects (merchant_id, source, customer_key) WHERE customer_key IS NOT NULL;

-- A customer asked the shop what is kept of them; open until the shop has answered.
CREATE TABLE privacy_requests (
    merchant_id bigint NOT NULL,
    id bigint NOT NULL,
    source text NOT NULL,
    request_key text NOT NULL,
    customer_key text NOT NULL,
    asked_at timestamptz NOT NULL,
    answered_at timestamptz,
    CONSTRAINT privacy_requests_pkey PRIMARY KEY (merchant_id, id),
    CONSTRAINT privacy_requests_request_unique UNIQUE (merchant_id, source, request_key)
);

-- What of an earning was taken back, before or after it was approved. Its `points` are what it
-- gives or gave.
ALTER TABLE earnings ADD COLUMN points_reversed bigint NOT NULL DEFAULT 0;
ALTER TABLE earnings ADD CONSTRAINT earnings_reversed_not_negative CHECK (points_reversed >= 0);

-- Points that were to be taken back and were not there any more.
CREATE INDEX entries_owed ON entries (merchant_id, id)
    WHERE kind = 'reversed' AND asked_points IS NOT NULL;

-- How many calls of a webhook failed since the last that did not, and since when.
ALTER TABLE webhook_subscriptions ADD COLUMN failures integer NOT NULL DEFAULT 0;
ALTER TABLE webhook_subscriptions ADD COLUMN failing_since timestamptz;

-- Codes on their way into a reward's pool: chosen and kept here before the platform is asked to
-- make them, so that one asked for by a process that died is asked for again and none is lost.
-- `terms` is what the codes are good for, as a digest; `reference` the platform's own name for what
-- they are on.
CREATE TABLE pool_mints (
    merchant_id bigint NOT NULL,
    id bigint NOT NULL,
    reward_id bigint NOT NULL,
    terms text NOT NULL,
    codes text[] NOT NULL,
    reference text,
    is_open boolean NOT NULL,
    attempts integer NOT NULL,
    next_at timestamptz NOT NULL,
    leased_until timestamptz,
    last_error text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT pool_mints_pkey PRIMARY KEY (merchant_id, id)
);
CREATE UNIQUE INDEX pool_mints_open_unique ON pool_mints (merchant_id, reward_id) WHERE is_open;
CREATE INDEX pool_mints_by_reward ON pool_mints (merchant_id, reward_id, id);

-- The version of a merchant's offers that its shop was last shown.
CREATE TABLE shop_syncs (
    merchant_id bigint NOT NULL,
    catalogue_version bigint NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT shop_syncs_pkey PRIMARY KEY (merchant_id)
);
