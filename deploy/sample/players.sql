-- The simulated players of `make run`, as members of the sample competition.  Running it again adds who is missing.
-- psql variables: group_id.
\set ON_ERROR_STOP on
SET search_path = pg_catalog, pg_temp;

WITH player (id, name) AS (VALUES
  ('sample-grace', 'Grace'), ('sample-linus', 'Linus'), ('sample-radia', 'Radia'), ('sample-edsger', 'Edsger'),
  ('sample-hedy', 'Hedy'), ('sample-dennis', 'Dennis'), ('sample-margaret', 'Margaret'), ('sample-ken', 'Ken'))
INSERT INTO public."User" (id, name, email, role, "updatedAt")
SELECT id, name, lower(name) || '@example.org', 'STUDENT', now() AT TIME ZONE 'UTC' FROM player
ON CONFLICT DO NOTHING;

SELECT count(edurange.join_competition('FIRST-STEPS', u.id)) AS joined
FROM public."User" u
WHERE u.id IN ('sample-grace', 'sample-linus', 'sample-radia', 'sample-edsger', 'sample-hedy', 'sample-dennis',
  'sample-margaret', 'sample-ken')
  AND NOT EXISTS (SELECT FROM public."_GroupMembers" WHERE "A" = :'group_id' AND "B" = u.id);
