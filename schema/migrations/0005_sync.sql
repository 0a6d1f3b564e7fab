-- What the comparison with the Instance Manager must remember between two passes.  How it goes is in
-- shared memory: a pass in which nothing changed writes no row.

SET LOCAL search_path = edurange;

-- applied_at: the time of the last observation that changed something; an older one is refused.
-- cleaned_at: when rows that have been TERMINATED for long were last looked for.
ALTER TABLE sync_state
  DROP COLUMN last_attempt,
  DROP COLUMN last_success,
  DROP COLUMN consecutive_failures,
  DROP COLUMN last_error,
  DROP COLUMN pods_seen,
  DROP COLUMN changed,
  ADD COLUMN applied_at timestamptz,
  ADD COLUMN cleaned_at timestamptz;

-- Instances and pods that need attention, by the name that both share.  No foreign key: some have no
-- row.  due is when the next step is taken, attempts counts those that were.
--   missing   a live instance without a pod; since is null while the list proves nothing
--   ending    a TERMINATING instance whose pod is still there
--   zombie    a TERMINATED instance whose pod lives
--   unknown   a pod without an instance
--   mismatch  a pod whose status changes nothing but differs from its instance's
--   owner     a pod whose labels name another user or competition than its instance
--   flag      an instance whose flag could not be had
--   retained  a TERMINATED instance that is kept for a while
CREATE TABLE sync_watch (
  name text NOT NULL,
  reason text NOT NULL CONSTRAINT sync_watch_reason_check
    CHECK (reason IN ('missing', 'ending', 'zombie', 'unknown', 'mismatch', 'owner', 'flag',
      'retained')),
  pod_status text,
  since timestamptz,
  attempts integer NOT NULL DEFAULT 0,
  due timestamptz,
  CONSTRAINT sync_watch_pkey PRIMARY KEY (name, reason));
CREATE INDEX sync_watch_due_idx ON sync_watch (due) WHERE due IS NOT NULL;
