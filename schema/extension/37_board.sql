-- The board: who sees it, what changed in it, and the ledger as a feed.

CREATE TYPE edurange.board_policy AS (
  "groupId" text,
  visibility text,
  "freezeAt" timestamptz,
  "thawedAt" timestamptz,
  frozen boolean);
COMMENT ON TYPE edurange.board_policy IS 'Nullable: freezeAt, thawedAt.';

CREATE FUNCTION edurange.set_board_policy(
    group_id text, visibility text, freeze_at timestamptz DEFAULT NULL, thawed_at timestamptz DEFAULT NULL,
    caller edurange.caller DEFAULT NULL, idempotency_key text DEFAULT NULL)
  RETURNS edurange.board_policy
  AS 'MODULE_PATHNAME', 'edurange_set_board_policy' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.set_board_policy(text, text, timestamptz, timestamptz, edurange.caller, text) IS
  'Sets who sees a competition''s board, live and in the feed: staff, members or public, everybody; and from when to when all but staff see it as it was at freeze_at. What is left out is null. Tier: service. Errors: missing_parameter, invalid_parameter, forbidden, competition_not_found, time_out_of_range.';

CREATE FUNCTION edurange.get_board_policy(group_id text, caller edurange.caller DEFAULT NULL)
  RETURNS edurange.board_policy
  AS 'MODULE_PATHNAME', 'edurange_get_board_policy' LANGUAGE C STABLE;
COMMENT ON FUNCTION edurange.get_board_policy(text, edurange.caller) IS
  'Who sees a competition''s board, and whether it is frozen: members, and never, where nothing was set. Tier: service. Errors: missing_parameter, forbidden, competition_not_found.';

CREATE TYPE edurange.board_access AS (
  "groupId" text,
  "isStaff" boolean,
  visibility text);

CREATE FUNCTION edurange.board_access(
    group_id text, is_public boolean DEFAULT false, caller edurange.caller DEFAULT NULL)
  RETURNS edurange.board_access
  AS 'MODULE_PATHNAME', 'edurange_board_access' LANGUAGE C STABLE;
COMMENT ON FUNCTION edurange.board_access(text, boolean, edurange.caller) IS
  'Whether the caller, or the public, may see a competition''s board, whether as staff, for whom it is never frozen, and who else sees it: the policy by which this was said. Tier: player. Errors: missing_parameter, forbidden, competition_not_found.';

CREATE TYPE edurange.board_state AS (
  "groupId" text,
  "isStaff" boolean,
  mark text,
  "isWhole" boolean,
  visibility text,
  head text,
  rows text,
  series text);
COMMENT ON TYPE edurange.board_state IS 'Nullable: mark, isWhole, visibility, head, rows, series.';

CREATE FUNCTION edurange.board_state(
    group_id text, is_staff boolean DEFAULT false, mark text DEFAULT NULL, thorough boolean DEFAULT true,
    caller edurange.caller DEFAULT NULL)
  RETURNS edurange.board_state
  AS 'MODULE_PATHNAME', 'edurange_board_state' LANGUAGE C STABLE;
COMMENT ON FUNCTION edurange.board_state(text, boolean, text, boolean, edurange.caller) IS
  'For who shows a board to many: its rows as staff or as anybody else sees them, a line for each member (the user''s id as JSON, a tab and the row as JSON, nothing for who has left), by id; without a mark, or where all has changed, the best 10000 and the past of the best ten as series; with a mark that this returned before, those that may have changed since. Then names are looked at only where thorough is set, and series given only there and while the board is not frozen. For an unknown competition all is null. Tier: service. Errors: missing_parameter, forbidden.';

CREATE FUNCTION edurange.completion_changed() RETURNS trigger
  AS 'MODULE_PATHNAME', 'edurange_completion_changed' LANGUAGE C;
COMMENT ON FUNCTION edurange.completion_changed() IS
  'Trigger of public."ChallengeCompletion": keeps what has gone, or came late, so that a past board stays as it was.';

CREATE FUNCTION edurange.completions_truncated() RETURNS trigger
  AS 'MODULE_PATHNAME', 'edurange_completions_truncated' LANGUAGE C;
COMMENT ON FUNCTION edurange.completions_truncated() IS
  'Trigger of public."ChallengeCompletion": the same of all of them, before TRUNCATE.';

CREATE FUNCTION edurange.forget_completions() RETURNS trigger
  AS 'MODULE_PATHNAME', 'edurange_forget_completions' LANGUAGE C;
COMMENT ON FUNCTION edurange.forget_completions() IS
  'Trigger of public."User" and public."GroupChallenge": what was kept of completions goes with them.';

CREATE TYPE edurange.event AS (
  "userId" text,
  "groupId" text,
  seq bigint,
  delta bigint,
  balance integer,
  kind text,
  "sourceId" text,
  actor text,
  reason text,
  at timestamptz,
  via text);
COMMENT ON TYPE edurange.event IS 'Nullable: sourceId, actor, reason, via.';

CREATE TYPE edurange.event_page AS (
  events edurange.event[],
  "sinceToken" text,
  more boolean);

CREATE FUNCTION edurange.events(
    group_id text, since_token text DEFAULT NULL, "limit" integer DEFAULT 1000, is_public boolean DEFAULT false,
    newest bigint DEFAULT NULL, caller edurange.caller DEFAULT NULL)
  RETURNS edurange.event_page
  AS 'MODULE_PATHNAME', 'edurange_events' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.events(text, text, integer, boolean, bigint, edurange.caller) IS
  'The ledger of a competition as a feed: 1 to 10000 entries behind the token of the page before, each once and none left out; more says that the next page can be had at once. A page ends early, with more, behind 2 MiB of reasons. Only staff see where an entry comes from and who made it. With newest, as feed_state() gives it, it goes as far as that transaction, so that many readers come to the same place. On the primary only. Tier: player. Errors: missing_parameter, invalid_parameter, forbidden, competition_not_found, start_anew, read_only, try_again.';

CREATE TYPE edurange.feed_state AS (
  "groupId" text,
  mark text,
  newest bigint,
  "feedDelay" double precision);

CREATE FUNCTION edurange.feed_state(group_id text, caller edurange.caller DEFAULT NULL)
  RETURNS edurange.feed_state
  AS 'MODULE_PATHNAME', 'edurange_feed_state' LANGUAGE C STABLE;
COMMENT ON FUNCTION edurange.feed_state(text, edurange.caller) IS
  'For who waits for a feed on behalf of many: a mark that is another one when the feed of the competition may have more, the number of the last transaction whose entries it has, and for how many seconds an entry has been waiting for another transaction to end. Tier: service. Errors: missing_parameter, forbidden.';
