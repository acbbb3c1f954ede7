-- What callers were told will be done, entry by entry, by a worker.
SET LOCAL lock_timeout = '5s';

CREATE TABLE async_actions (
    merchant_id bigint NOT NULL,
    id bigint NOT NULL,
    kind text NOT NULL,
    program_id bigint NOT NULL,
    is_open boolean NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz,
    CONSTRAINT async_actions_pkey PRIMARY KEY (merchant_id, id),
    CONSTRAINT async_actions_kind_known CHECK (kind = 'enrol')
);

CREATE INDEX async_actions_open ON async_actions (merchant_id, id) WHERE is_open;
CREATE INDEX async_actions_over ON async_actions (merchant_id, updated_at) WHERE NOT is_open;

-- An entry is named as its caller did. `error` says why nothing came of it.
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
    CONSTRAINT async_action_entries_pkey PRIMARY KEY (merchant_id, action_id, place),
    CONSTRAINT async_action_entries_action_fkey FOREIGN KEY (merchant_id, action_id)
        REFERENCES async_actions (merchant_id, id) ON DELETE CASCADE
);

CREATE INDEX async_action_entries_open ON async_action_entries (merchant_id, action_id, place)
    WHERE is_open;
CREATE INDEX async_action_entries_by_customer ON async_action_entries (merchant_id, external_id)
    WHERE external_id IS NOT NULL;
