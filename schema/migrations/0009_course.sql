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

-- What migrate() makes in their place is in the order of the lists.
DROP INDEX IF EXISTS public.edurange_access_code_idx;
DROP INDEX IF EXISTS public.edurange_activity_group_idx;
