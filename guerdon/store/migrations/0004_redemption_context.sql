-- Where and how a reward was chosen, and when what was open at first was handed over.
SET LOCAL lock_timeout = '5s';

ALTER TABLE redemptions
    ADD COLUMN context json,
    ADD COLUMN fulfilled_at timestamptz;

-- How often a reward was taken in one cart or checkout.
CREATE INDEX redemptions_by_session
    ON redemptions (merchant_id, reward_id, (context #>> '{session,token}'))
    WHERE context IS NOT NULL;
