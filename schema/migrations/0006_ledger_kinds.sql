-- The kinds of ledger entries are checked by edurange.check_invariants(): a constraint would be read from
-- the catalogue anew for each award, which took an eighth of its time.

ALTER TABLE edurange.points_ledger DROP CONSTRAINT IF EXISTS points_ledger_kind_check;
