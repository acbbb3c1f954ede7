-- Tokens that stand in for a key for a while.
SET LOCAL lock_timeout = '5s';

-- A token names its merchant, so that it is looked for in one place alone.
CREATE TABLE oauth_tokens (
    merchant_id bigint NOT NULL,
    id bigint NOT NULL,
    key_id bigint NOT NULL,
    token_hash bytea NOT NULL,
    scopes text[] NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT oauth_tokens_pkey PRIMARY KEY (merchant_id, id),
    CONSTRAINT oauth_tokens_hash_unique UNIQUE (merchant_id, token_hash)
);
