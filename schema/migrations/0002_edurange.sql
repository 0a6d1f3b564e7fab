-- The project's own tables, in schema edurange.  They are no members of the extension, so that a
-- dump carries every row and DROP EXTENSION takes none.  No foreign keys into the platform's
-- tables: the ledger outlives who it speaks of.

SET LOCAL search_path = edurange;

-- Every change of a total, append-only.  (user_id, group_id, seq) counts from 1 without a gap.
CREATE TABLE points_ledger (
  user_id text NOT NULL,
  group_id text NOT NULL,
  seq bigint NOT NULL,
  delta bigint NOT NULL,
  balance integer NOT NULL,
  kind text NOT NULL CONSTRAINT points_ledger_kind_check
    CHECK (kind IN ('opening', 'award', 'add', 'set', 'external', 'moved', 'removed')),
  source_id text,
  actor text NOT NULL,
  reason text,
  at timestamptz NOT NULL,
  CONSTRAINT points_ledger_pkey PRIMARY KEY (user_id, group_id, seq));

-- The head of each pair's ledger, and the board: points is the last balance, seq its number,
-- changed_at its time, reached_at the time of the last entry that changed the total.  reset_at is
-- when somebody last set the total to zero, as an instructor's reset does.  A pair keeps its row when
-- the user leaves, so that seq goes on; only members are on the board.
CREATE TABLE standing (
  group_id text NOT NULL,
  user_id text NOT NULL,
  points integer NOT NULL DEFAULT 0,
  seq bigint NOT NULL DEFAULT 0,
  reached_at timestamptz,
  changed_at timestamptz NOT NULL,
  reset_at timestamptz,
  member boolean NOT NULL DEFAULT false,
  CONSTRAINT standing_pkey PRIMARY KEY (group_id, user_id))
  WITH (fillfactor = 70);
CREATE INDEX standing_board_idx ON standing (group_id, points DESC, reached_at, user_id)
  WHERE member;

CREATE TABLE token (
  id text NOT NULL CONSTRAINT token_pkey PRIMARY KEY,
  token_sha256 bytea NOT NULL CONSTRAINT token_token_sha256_key UNIQUE,
  tier text NOT NULL CONSTRAINT token_tier_check CHECK (tier IN ('player', 'service', 'admin')),
  label text NOT NULL,
  user_id text,
  instance_id text,
  created_at timestamptz NOT NULL,
  created_by text NOT NULL,
  expires_at timestamptz,
  revoked_at timestamptz);

-- The exact text of each imported document; jsonb keeps neither order nor spelling.
CREATE TABLE cdf_document (
  challenge_id text NOT NULL CONSTRAINT cdf_document_pkey PRIMARY KEY,
  document text NOT NULL,
  imported_at timestamptz NOT NULL);

-- Which request an idempotency key stands for, and what was answered.
CREATE TABLE idempotency (
  caller text NOT NULL,
  function text NOT NULL,
  key text NOT NULL,
  request_sha256 bytea NOT NULL,
  response text NOT NULL,
  created_at timestamptz NOT NULL,
  CONSTRAINT idempotency_pkey PRIMARY KEY (caller, function, key));
CREATE INDEX idempotency_created_at_idx ON idempotency (created_at);

-- How the comparison with the Instance Manager goes: one row.
CREATE TABLE sync_state (
  only_row boolean NOT NULL DEFAULT true CONSTRAINT sync_state_pkey PRIMARY KEY
    CONSTRAINT sync_state_only_row_check CHECK (only_row),
  last_attempt timestamptz,
  last_success timestamptz,
  consecutive_failures integer NOT NULL DEFAULT 0,
  last_error text,
  pods_seen integer,
  changed bigint NOT NULL DEFAULT 0);
INSERT INTO sync_state DEFAULT VALUES;
