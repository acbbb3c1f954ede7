-- Points that paid for orders.
SET LOCAL lock_timeout = '5s';

-- One row for each debit of that kind, which `entry_id` names.
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
    created_at timestamptz NOT NULL,
    CONSTRAINT order_payments_pkey PRIMARY KEY (merchant_id, id),
    CONSTRAINT order_payments_positive CHECK (points > 0 AND amount_minor > 0)
);

CREATE INDEX order_payments_by_member ON order_payments (merchant_id, member_id, id);
CREATE INDEX order_payments_by_order ON order_payments (merchant_id, order_key);
