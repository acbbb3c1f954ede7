-- Who wants no e-mails of a program, and the secrets that a program's webhooks share.
SET LOCAL lock_timeout = '5s';

-- Addresses, in lower case, whether or not a member has them.
CREATE TABLE email_unsubscribes (
    merchant_id bigint NOT NULL,
    id bigint NOT NULL,
    program_id bigint NOT NULL,
    email text NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT email_unsubscribes_pkey PRIMARY KEY (merchant_id, id),
    CONSTRAINT email_unsubscribes_email_unique UNIQUE (merchant_id, program_id, email)
);

-- What signs the webhooks of a program in a dialect where they have no secret each.
CREATE TABLE signing_secrets (
    merchant_id bigint NOT NULL,
    program_id bigint NOT NULL,
    dialect text NOT NULL,
    secret_sealed bytea NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT signing_secrets_pkey PRIMARY KEY (merchant_id, program_id, dialect)
);
