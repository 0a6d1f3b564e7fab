-- What the sync worker must remember of the server that it works for, and of instances that are over.

SET LOCAL search_path = edurange;

-- The server that the worker was confirmed on (extension/sync/beginning.c); null: it has not worked yet.
ALTER TABLE sync_state ADD COLUMN bound_to text;

-- Instances that are over or gone, by the name of their pods.  No foreign key: some rows are gone.
--   mass     ended when many pods were not found at once; its pod, should it be there after all, is not ended
--   deleted  its row was deleted; user_id and group_id tell whose it was
CREATE TABLE sync_past (
  name text NOT NULL CONSTRAINT sync_past_pkey PRIMARY KEY,
  reason text NOT NULL CONSTRAINT sync_past_reason_check CHECK (reason IN ('mass', 'deleted')),
  since timestamptz NOT NULL,
  user_id text,
  group_id text);

-- More that needs attention:
--   creating    an instance and its pod that are both CREATING; due is when that is too long
--   orphan      a pod whose instance was deleted together with its user or competition
--   unreadable  an element of the list that could not be read
--   secret      a pod that names a secret which is not its own
--   refused     an instance whose change somebody's trigger, constraint or key refuses
--   observed    a pod about which an answer came since the last list; since is when it was asked for
ALTER TABLE sync_watch
  DROP CONSTRAINT sync_watch_reason_check,
  ADD CONSTRAINT sync_watch_reason_check
    CHECK (reason IN ('missing', 'ending', 'zombie', 'unknown', 'mismatch', 'owner', 'flag', 'retained',
      'creating', 'orphan', 'unreadable', 'secret', 'refused', 'observed'));
