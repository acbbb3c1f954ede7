-- Orders that shops state by a call of an API.
SET LOCAL lock_timeout = '5s';

-- `member_id` is there once the shopper is a member. `document` is what was stated, what it earned
-- and which rewards it used. `revision` counts statements; while `is_open`, something that follows
-- from one is still to be done.
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
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT orders_pkey PRIMARY KEY (merchant_id, id),
    CONSTRAINT orders_order_key_unique UNIQUE (merchant_id, program_id, order_key)
) WITH (fillfactor = 70);

CREATE INDEX orders_by_program ON orders (merchant_id, program_id, id);
CREATE INDEX orders_by_member ON orders (merchant_id, member_id) WHERE member_id IS NOT NULL;
CREATE INDEX orders_by_customer ON orders (merchant_id, external_id);
CREATE INDEX orders_open ON orders (merchant_id, id) WHERE is_open;
