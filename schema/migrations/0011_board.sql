-- The board as others see it, and the ledger as a feed.

SET LOCAL search_path = edurange;

-- Who sees the board of a competition, and from when to when it stands still for all but staff; no row: its members, and alive.
CREATE TABLE board_rule (
  group_id text NOT NULL CONSTRAINT board_rule_pkey PRIMARY KEY,
  visibility text NOT NULL CONSTRAINT board_rule_visibility_check CHECK (visibility IN ('staff', 'members', 'public')),
  freeze_at timestamptz,
  thawed_at timestamptz,
  set_at timestamptz NOT NULL,
  set_by text NOT NULL,
  CONSTRAINT board_rule_thaw_check CHECK (thawed_at IS NULL OR thawed_at >= freeze_at));

-- A board of the past is found in the index of the key alone, however the entries of a pair lie: those of a competition side by
-- side, by pairs.
ALTER TABLE points_ledger DROP CONSTRAINT points_ledger_pkey;
ALTER TABLE points_ledger ADD CONSTRAINT points_ledger_pkey PRIMARY KEY (group_id, user_id, seq)
  INCLUDE (at, balance, delta);

-- Who is not on the board, for a frozen one, which is kept with all who ever were.
CREATE INDEX standing_away_idx ON standing (group_id, user_id) WHERE NOT member OR hidden;

-- What somebody had completed at an instant is asked of the completions that are there, but for what happened to them later:
-- one that has gone, taken back or moved, and one that came late, which was completed earlier than it was written.
CREATE TABLE completion_change (
  user_id text NOT NULL,
  group_challenge_id text NOT NULL,
  at timestamptz NOT NULL,
  gone boolean NOT NULL,
  completed_at timestamptz NOT NULL,
  CONSTRAINT completion_change_pkey PRIMARY KEY (user_id, group_challenge_id, at));
CREATE INDEX completion_change_placement_idx ON completion_change (group_challenge_id, at);

-- The transaction that wrote an entry, by which a feed knows what is complete; null: written before.
ALTER TABLE points_ledger ADD COLUMN xid bigint;
CREATE INDEX points_ledger_feed_idx ON points_ledger (group_id, xid) WHERE xid IS NOT NULL;

-- Which server and database hands out the ledger as a feed, and since when.
CREATE TABLE feed_origin (
  only_row boolean NOT NULL DEFAULT true CONSTRAINT feed_origin_pkey PRIMARY KEY
    CONSTRAINT feed_origin_only_row_check CHECK (only_row),
  server text NOT NULL,
  at timestamptz NOT NULL);

-- How far each pair's entries are history for it: they came from elsewhere or have no xid.
CREATE TABLE feed_history (
  group_id text NOT NULL,
  user_id text NOT NULL,
  seq bigint NOT NULL,
  CONSTRAINT feed_history_pkey PRIMARY KEY (group_id, user_id));
