-- Points that members owe: taken back though they were spent, where a program lets balances go
-- below zero. What comes in later pays them off first.
SET LOCAL lock_timeout = '5s';

ALTER TABLE wallets ADD COLUMN points_owed bigint NOT NULL DEFAULT 0;

-- The signed change of what is owed. The balance that members see moves by `points` less this.
ALTER TABLE entries ADD COLUMN owed_points bigint NOT NULL DEFAULT 0;
