-- The sample of `make run`: people, the pack first-steps, a competition, and instances that wait for
-- the pods of the Instance Manager simulator.  Running it again adds what is missing and changes
-- nothing else.  psql variables: directory (the pack's folder).  Only for a database whose tables are a superuser's
-- own: triggers of theirs run as whoever loads it.
\set ON_ERROR_STOP on
\set QUIET on
SET client_min_messages = warning;
SET search_path = pg_catalog, pg_temp;

INSERT INTO public."User" (id, name, email, role, "updatedAt") VALUES
  ('sample-ines', 'Ines', 'ines@example.org', 'INSTRUCTOR', now() AT TIME ZONE 'UTC'),
  ('sample-ada', 'Ada', 'ada@example.org', 'STUDENT', now() AT TIME ZONE 'UTC'),
  ('sample-bob', 'Bob', 'bob@example.org', 'STUDENT', now() AT TIME ZONE 'UTC'),
  ('sample-eve', 'Eve', 'eve@example.org', 'STUDENT', now() AT TIME ZONE 'UTC')
ON CONFLICT DO NOTHING;

-- ---- the pack, byte for byte: psql takes a newline off the end of what a command prints ----------
\cd :directory
\set manifest `cat pack.json; echo`
\set terminal_tour `cat terminal-tour.cdf.json; echo`
\set talking_http `cat talking-http.cdf.json; echo`
\set left_behind `cat left-behind.cdf.json; echo`
\set careless_query `cat careless-query.cdf.json; echo`
SELECT count(edurange.pack_install(:'manifest',
  ARRAY['terminal-tour.cdf.json', 'talking-http.cdf.json', 'left-behind.cdf.json', 'careless-query.cdf.json'],
  ARRAY[:'terminal_tour', :'talking_http', :'left_behind', :'careless_query'],
  installed_by => 'sample-ines')) AS installed
WHERE NOT EXISTS (SELECT FROM public."ChallengePack" WHERE id = 'first-steps') \gset

-- ---- the competition ---------------------------------------------------------------------------
SELECT (SELECT g.id
        FROM public."CompetitionGroup" g
        JOIN public."_GroupInstructors" i ON i."A" = g.id AND i."B" = 'sample-ines'
        WHERE g.name = 'First Steps Cup' ORDER BY g."createdAt" LIMIT 1) AS group_id \gset
\if :{?group_id}
\else
SELECT id AS group_id FROM edurange.create_competition(
  name => 'First Steps Cup', start_date => now() - interval '1 hour',
  instructor_ids => ARRAY['sample-ines'], description => 'The sample competition; it stays open.') \gset
\endif

SELECT count(edurange.add_competition_challenge(:'group_id', c.id, q.points)) AS added
FROM public."Challenge" c
CROSS JOIN LATERAL (SELECT sum(points)::integer AS points FROM public."ChallengeQuestion"
                    WHERE "challengeId" = c.id) q
WHERE c.pack_id = 'first-steps'
  AND NOT EXISTS (SELECT FROM public."GroupChallenge"
                  WHERE "challengeId" = c.id AND "groupId" = :'group_id') \gset

SELECT count(edurange.generate_access_code(:'group_id', 'sample-ines', 'FIRST-STEPS')) AS made
WHERE NOT EXISTS (SELECT FROM public."CompetitionAccessCode" WHERE code = 'FIRST-STEPS') \gset

SELECT count(edurange.join_competition('FIRST-STEPS', player)) AS joined
FROM (VALUES ('sample-bob'), ('sample-eve')) AS players (player)
WHERE NOT EXISTS (SELECT FROM public."_GroupMembers"
                  WHERE "A" = :'group_id' AND "B" = player) \gset

-- everybody may see how it goes
SELECT count(edurange.set_board_policy(:'group_id', 'public')) AS made
WHERE NOT EXISTS (SELECT FROM edurange.board_rule WHERE group_id = :'group_id') \gset

-- ---- instances, as the dashboard queues them ---------------------------------------------------
INSERT INTO public."ChallengeInstance"
  (id, "challengeId", "userId", "challengeUrl", status, "competitionId", k8s_instance_name)
VALUES
  ('5a3c1e00-0000-4000-8000-000000000001', 'terminal-tour', 'sample-ada', 'pending...', 'QUEUED',
   :'group_id', 'sample-1'),
  ('5a3c1e00-0000-4000-8000-000000000002', 'talking-http', 'sample-bob', 'pending...', 'QUEUED',
   :'group_id', 'sample-2'),
  ('5a3c1e00-0000-4000-8000-000000000003', 'left-behind', 'sample-eve', 'pending...', 'QUEUED',
   :'group_id', 'sample-3')
ON CONFLICT DO NOTHING;
