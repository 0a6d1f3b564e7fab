-- What a class needs after the game: when a point counts, who takes part how, further right answers, and what was
-- changed afterwards, so that it can be undone.

SET LOCAL search_path = edurange;

-- When a change of a total counts: a gain that was found later from its attempt on, what is taken back from when what
-- it cancels did.  Null: at, when it was written.
ALTER TABLE points_ledger ADD COLUMN effective_at timestamptz;

-- backdated: some entry of the pair has an effective_at, so that reached_at is computed from all of them.
-- hidden: the user is not on the board, hidden or disqualified.
ALTER TABLE standing
  ADD COLUMN backdated boolean NOT NULL DEFAULT false,
  ADD COLUMN hidden boolean NOT NULL DEFAULT false;
DROP INDEX standing_board_idx;
CREATE INDEX standing_board_idx ON standing (group_id, points DESC, reached_at, user_id)
  WHERE member AND NOT hidden;

-- How a member takes part, where that is not as all others do.
CREATE TABLE participation (
  group_id text NOT NULL,
  user_id text NOT NULL,
  ends_at timestamptz,
  hidden boolean NOT NULL,
  disqualified boolean NOT NULL,
  reason text,
  set_by text NOT NULL,
  set_at timestamptz NOT NULL,
  CONSTRAINT participation_pkey PRIMARY KEY (group_id, user_id));

-- Further right answers, each in one competition.
CREATE TABLE accepted_answer (
  change_id text NOT NULL CONSTRAINT accepted_answer_pkey PRIMARY KEY,
  group_id text NOT NULL,
  question_id text NOT NULL,
  answer text NOT NULL);
CREATE INDEX accepted_answer_question_idx ON accepted_answer (question_id, group_id);

-- Until when a user's attempts at a question back nothing.
CREATE TABLE voided (
  group_challenge_id text NOT NULL,
  question_id text NOT NULL,
  user_id text NOT NULL,
  at timestamptz NOT NULL,
  CONSTRAINT voided_pkey PRIMARY KEY (group_challenge_id, question_id, user_id));

-- Changes of what a question of a competition paid.  kind: rejudged, accepted, repriced, graded or voided.
CREATE TABLE grade_change (
  id text NOT NULL CONSTRAINT grade_change_pkey PRIMARY KEY,
  group_id text NOT NULL,
  group_challenge_id text NOT NULL,
  question_id text NOT NULL,
  kind text NOT NULL,
  reason text,
  actor text NOT NULL,
  via text,
  at timestamptz NOT NULL,
  undone_at timestamptz,
  undone_by text);
CREATE INDEX grade_change_question_idx ON grade_change (group_challenge_id, question_id, at, id);
CREATE INDEX grade_change_group_idx ON grade_change (group_id, at, id);

-- Whom it concerned: the completions of the question and the challenge as they were before, the question's after it
-- (null: there was none), and the entry in the ledger.
CREATE TABLE grade_change_user (
  change_id text NOT NULL,
  user_id text NOT NULL,
  completion_id text,
  completed_at timestamptz,
  points_before integer,
  completion_after text,
  points_after integer,
  challenge_completion_id text,
  challenge_completed_at timestamptz,
  challenge_points integer,
  questions_points bigint NOT NULL, -- of the challenge, before: what its completion is held against
  challenge_lost bigint NOT NULL DEFAULT 0, -- what its completion says after the latest change more than it would below zero
  questions_missing bigint NOT NULL, -- of those that it needs
  delta bigint NOT NULL,
  effective_at timestamptz,
  voided_before timestamptz,
  CONSTRAINT grade_change_user_pkey PRIMARY KEY (change_id, user_id));
CREATE INDEX grade_change_user_idx ON grade_change_user (user_id);

-- Attempts that are judged otherwise since then.
CREATE TABLE grade_change_attempt (
  change_id text NOT NULL,
  attempt_id text NOT NULL,
  was_correct boolean NOT NULL,
  CONSTRAINT grade_change_attempt_pkey PRIMARY KEY (change_id, attempt_id));

-- What migrate() makes in its place finds the attempts at a question of a competition, in their order.
DROP INDEX IF EXISTS public.edurange_attempted_question_idx;
