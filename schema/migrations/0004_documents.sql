-- What documents and packs leave behind beside the platform's rows.

SET LOCAL search_path = edurange;

-- Questions that their challenge's document no longer has, although somebody worked at them.
CREATE TABLE retired_question (
  question_id text NOT NULL CONSTRAINT retired_question_pkey PRIMARY KEY,
  challenge_id text NOT NULL,
  retired_at timestamptz NOT NULL);
CREATE INDEX retired_question_challenge_idx ON retired_question (challenge_id);

-- The exact text of each installed pack's manifest, whose dependencies no platform column holds.
CREATE TABLE pack_manifest (
  pack_id text NOT NULL CONSTRAINT pack_manifest_pkey PRIMARY KEY,
  manifest text NOT NULL,
  installed_at timestamptz NOT NULL);
