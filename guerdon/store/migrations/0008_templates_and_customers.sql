-- Offers that stand for themselves, customers before they are members, several wallets a member.
SET LOCAL lock_timeout = '5s';

-- `definition` is what it makes in a program; `metadata` and `document` are for the caller.
CREATE TABLE templates (
    merchant_id bigint NOT NULL,
    id bigint NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    status text NOT NULL,
    definition json NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz,
    CONSTRAINT templates_pkey PRIMARY KEY (merchant_id, id),
    CONSTRAINT templates_kind_known CHECK (kind IN ('reward', 'rule'))
);

CREATE INDEX templates_by_kind ON templates (merchant_id, kind, id);

ALTER TABLE templates ADD CONSTRAINT templates_merchant_fkey
    FOREIGN KEY (merchant_id) REFERENCES merchants (merchant_id);

-- `external_id` is the shop's own id, by which members are known too; where the shop stated none,
-- it begins with a tilde.
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
    created_at timestamptz NOT NULL,
    updated_at timestamptz,
    CONSTRAINT customers_pkey PRIMARY KEY (merchant_id, id),
    CONSTRAINT customers_external_id_unique UNIQUE (merchant_id, external_id)
);

CREATE INDEX customers_by_email ON customers (merchant_id, email);

-- Deductions that a wallet could not bear, kept because the caller was told they were taken on.
CREATE TABLE refused_adjustments (
    merchant_id bigint NOT NULL,
    id bigint NOT NULL,
    wallet_id bigint NOT NULL,
    member_id bigint NOT NULL,
    points bigint NOT NULL,
    reason text NOT NULL,
    note text,
    created_at timestamptz NOT NULL,
    CONSTRAINT refused_adjustments_pkey PRIMARY KEY (merchant_id, id)
);

CREATE INDEX refused_adjustments_by_wallet ON refused_adjustments (merchant_id, wallet_id, id);

ALTER TABLE members ADD COLUMN metadata json;

ALTER TABLE wallets ADD COLUMN code text;

CREATE UNIQUE INDEX wallets_code_unique ON wallets (merchant_id, code) WHERE code IS NOT NULL;

CREATE INDEX redemptions_queued ON redemptions (merchant_id, created_at)
    WHERE status = 'pending' AND fulfilment = 'queued';
