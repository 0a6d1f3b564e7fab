-- What running a class leaves behind.

SET LOCAL search_path = edurange;

-- Entries of the log whose user or competition was deleted, as they were before.
CREATE TABLE activity_archive (
  id text NOT NULL CONSTRAINT activity_archive_pkey PRIMARY KEY,
  event_type text NOT NULL,
  user_id text NOT NULL,
  challenge_id text,
  group_id text,
  metadata jsonb NOT NULL,
  at timestamptz NOT NULL,
  access_code_id text,
  instance_id text,
  severity text NOT NULL);
CREATE INDEX activity_archive_user_idx ON activity_archive (user_id, at, id);
CREATE INDEX activity_archive_group_idx ON activity_archive (group_id, at, id) WHERE group_id IS NOT NULL;
CREATE INDEX activity_archive_at_idx ON activity_archive (at, id);

-- Who is to be in a competition, as a file has it.
CREATE TABLE roster (
  group_id text NOT NULL,
  email text NOT NULL, -- in lower case, with no white space around it
  name text,
  external_id text,
  login_id text,
  section text,
  user_id text,        -- who it turned out to be; null: the row waits
  code text,           -- made for the row; once it is complete, with which it was
  line integer NOT NULL,
  imported_at timestamptz NOT NULL,
  CONSTRAINT roster_pkey PRIMARY KEY (group_id, email));
-- Each key is of use for its own question and no other, so that no plan of an empty table takes the wrong one.
CREATE UNIQUE INDEX roster_user_key ON roster (user_id, group_id) WHERE user_id IS NOT NULL;
CREATE INDEX roster_email_idx ON roster (lower(email));
CREATE INDEX roster_code_idx ON roster (code) WHERE code IS NOT NULL;

-- Tokens are listed by when they were made.
CREATE INDEX token_time_idx ON token (created_at, id);

-- What migrate() makes in their place is in the order of the lists.
DROP INDEX IF EXISTS public.edurange_access_code_idx;
DROP INDEX IF EXISTS public.edurange_activity_group_idx;
