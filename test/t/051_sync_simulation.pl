# A long random life of pods and instances through edurange.sync_apply(), compared after each pass
# with a model that judges one instance at a time: lists that are empty, short, doubled, shuffled or
# outdated, lists that do not come, answers that say nothing, requests that are not sent or not taken, a
# dashboard that inserts, queues, ends and deletes in between, mass events, and clocks that jump.  The server's
# clocks are moved by a library that it is started with.  EDURANGE_LONG=1 runs 20000 passes; EDURANGE_SEED chooses
# another life.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;

use Edurange::Clock;
use Edurange::Cluster;
use Edurange::Seed qw(draw_from);

my $passes = $ENV{EDURANGE_LONG} ? 20000 : 600;
my $seed = draw_from(4711);

my $node = Edurange::Cluster->new_ready('sync_simulation', conf => "synchronous_commit = off\n");
my $clock_file = Edurange::Clock->of($node)->path;

sub sql { return $node->safe_psql('edurange', $_[0]); }

sql(q{INSERT INTO "User" (id, email) VALUES ('u', 'u@play.test');
	INSERT INTO "ChallengeType" (id, name) VALUES ('t', 't');
	INSERT INTO "Challenge" (id, name, "challengeTypeId") VALUES ('c', 'Basic', 't');
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('g', 'G', '2020-01-01');
	INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId") VALUES ('gc', 1, 'c', 'g');
	ALTER DATABASE edurange SET edurange.sync_creating_deadline = '60 s';
	ALTER DATABASE edurange SET edurange.sync_queued_deadline = '90 s';
	ALTER DATABASE edurange SET edurange.sync_mass_grace = '60 s';
	ALTER DATABASE edurange SET edurange.sync_end_interval = '20 s'});

# pod: what really is there.  model: what each instance must be, with the time since which nothing
# has proved its pod (missing), and how often its end was sent.  wrong: what was not as it must be.  waiting: pods
# whose end is wanted, since how many sendings.  lost: instances that ended in a mass event although their pods live.
sql("CREATE SCHEMA sim; CREATE TABLE sim.file AS SELECT '$clock_file'::text AS path");
sql(<<'SQL');
CREATE TABLE sim.pod (name text PRIMARY KEY, status text NOT NULL, flag text NOT NULL, adoptable boolean NOT NULL DEFAULT false);
CREATE TABLE sim.model (id text PRIMARY KEY, status text NOT NULL, missing timestamptz, flag text, sent integer NOT NULL DEFAULT 0);
CREATE TABLE sim.waiting (name text PRIMARY KEY, again boolean, since integer, size integer);
CREATE TABLE sim.lost (name text PRIMARY KEY);
CREATE TABLE sim.state AS SELECT 0::bigint AS passed, 0::bigint AS shifted, false AS jumped, 0 AS sendings,
  NULL::text AS event, NULL::timestamptz AS event_at, false AS big;
CREATE TABLE sim.wrong (pass integer, what text, id text, detail text);
CREATE TABLE sim.done (kind text, n bigint DEFAULT 0);

-- Lets time pass, and the time of day jump beyond that.
CREATE PROCEDURE sim.tick(ms bigint, jump bigint DEFAULT 0) LANGUAGE plpgsql AS $$
BEGIN
  UPDATE sim.state SET passed = passed + ms, shifted = shifted + jump, jumped = jumped OR jump <> 0;
  EXECUTE (SELECT format('COPY (SELECT passed, shifted FROM sim.state) TO %L', path) FROM sim.file);
END $$;

-- What one observation may make of an instance's status; null: nothing.
CREATE FUNCTION sim.next(was text, seen text, attempts integer) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  IF was = 'QUEUED' AND seen IN ('CREATING', 'ACTIVE', 'TERMINATING', 'ERROR') THEN RETURN seen; END IF;
  IF was = 'CREATING' AND seen IN ('ACTIVE', 'TERMINATING', 'ERROR') THEN RETURN seen; END IF;
  IF was = 'ACTIVE' AND seen IN ('TERMINATING', 'ERROR') THEN RETURN seen; END IF;
  IF was = 'ERROR' AND seen = 'ACTIVE' AND attempts = 0 THEN RETURN 'ACTIVE'; END IF;
  IF was = 'ERROR' AND seen = 'TERMINATING' AND attempts < 5 THEN RETURN 'TERMINATING'; END IF;
  RETURN was;
END $$;

-- What the dashboard does between two passes.
CREATE PROCEDURE sim.dashboard(n integer) LANGUAGE plpgsql AS $$
DECLARE
  chosen text;
  dice float := random();
BEGIN
  IF dice < 0.30 THEN
    INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId", flag)
    VALUES ('s' || n, 'c', 'u', 'pending...', 'CREATING', 'g', 'flag{decoy}');
    INSERT INTO sim.model VALUES ('s' || n, 'CREATING');
    RETURN;
  END IF;
  SELECT id INTO chosen FROM "ChallengeInstance" ORDER BY random() LIMIT 1;
  IF dice < 0.50 THEN
    UPDATE "ChallengeInstance" SET status = 'QUEUED' WHERE id = chosen AND status = 'CREATING';
  ELSIF dice < 0.60 THEN
    UPDATE "ChallengeInstance" SET status = 'TERMINATING' WHERE id = chosen AND status IN ('ACTIVE', 'CREATING', 'ERROR');
  ELSIF dice < 0.65 THEN
    -- the pod goes on for a while, in any status
    UPDATE "ChallengeInstance" SET status = 'TERMINATED' WHERE id = chosen;
    UPDATE sim.pod SET status = 'TERMINATING' WHERE name = chosen AND random() < 0.5;
  ELSIF dice < 0.68 THEN
    DELETE FROM "ChallengeInstance" WHERE id = chosen;
    UPDATE sim.pod SET status = 'TERMINATING' WHERE name = chosen;
    DELETE FROM sim.model WHERE id = chosen;
  END IF;
  UPDATE sim.model m SET status = i.status::text FROM "ChallengeInstance" i WHERE i.id = m.id AND i.id = chosen;
END $$;

-- What happens to the pods between two passes.
-- Some pods do not end, whatever is asked of them.
CREATE FUNCTION sim.ends(pod text) RETURNS boolean LANGUAGE sql AS $$ SELECT hashtext(pod) % 4 <> 0 $$;
CREATE PROCEDURE sim.cluster(n integer) LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO sim.pod SELECT id, 'CREATING', 'EDU-{' || id || '}' FROM "ChallengeInstance" i
    WHERE status IN ('QUEUED', 'CREATING') AND random() < 0.1 AND NOT EXISTS (SELECT FROM sim.pod WHERE name = i.id) LIMIT 1;
  UPDATE sim.pod SET status = 'ACTIVE' WHERE status = 'CREATING' AND random() < 0.3;
  UPDATE sim.pod SET status = 'ERROR' WHERE status = 'ACTIVE' AND random() < 0.004;
  UPDATE sim.pod SET status = 'TERMINATING' WHERE status = 'ACTIVE' AND random() < 0.004;
  UPDATE sim.pod p SET status = 'TERMINATING' FROM "ChallengeInstance" i WHERE i.id = p.name AND i.status = 'TERMINATING' AND sim.ends(p.name) AND random() < 0.1;
  DELETE FROM sim.pod WHERE status = 'TERMINATING' AND sim.ends(name) AND random() < 0.1 OR random() < 0.003;
  IF random() < 0.01 THEN
    INSERT INTO sim.pod VALUES ('x' || n, 'ACTIVE', 'EDU-{x}', true);
  END IF;
END $$;

CREATE FUNCTION sim.listed(pods text[]) RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_build_object('challenge_pods', coalesce(jsonb_agg(jsonb_build_object('name', p.name, 'status', p.status, 'webosUrl', 'https://' || p.name,
    'user_id', 'u', 'competition_id', 'g', 'challenge_name', CASE WHEN p.adoptable THEN 'Basic' ELSE 'unknown' END) ORDER BY random()), '[]'))
  FROM sim.pod p WHERE p.name = ANY (pods)
$$;

-- Compares what the call made of the instances with what the model makes of its observation.
CREATE PROCEDURE sim.judge(n integer, observed_at timestamptz, kind text, snapshot jsonb, applied boolean) LANGUAGE plpgsql AS $$
DECLARE
  grace interval := current_setting('edurange.sync_grace')::interval;
  mass_grace interval := current_setting('edurange.sync_mass_grace')::interval;
  now sim.state := (SELECT s FROM sim.state s);
  row record;
  seen text;
  expected text;
  active integer := (SELECT count(*) FROM sim.model WHERE status = 'ACTIVE');
  early integer := 0;
BEGIN
  IF NOT applied THEN
    -- nothing at all may have changed
    INSERT INTO sim.wrong SELECT n, kind || ' changed something', m.id, m.status || ' became ' || i.status
    FROM sim.model m JOIN "ChallengeInstance" i USING (id) WHERE m.status <> i.status::text;
    RETURN;
  END IF;
  FOR row IN SELECT m.id, m.status AS was, m.missing, i.status::text AS now, i."terminationAttempts" AS attempts, p.name IS NOT NULL AS lives
      FROM sim.model m JOIN "ChallengeInstance" i USING (id) LEFT JOIN sim.pod p ON p.name = m.id LOOP
    seen := coalesce((SELECT e ->> 'status' FROM jsonb_array_elements(snapshot -> 'challenge_pods') e WHERE e ->> 'name' = row.id LIMIT 1),
      (SELECT e ->> 'status' FROM jsonb_array_elements(snapshot -> 'statuses') e WHERE e ->> 'name' = row.id LIMIT 1));
    expected := sim.next(row.was, seen, row.attempts);
    IF row.now = 'TERMINATED' AND row.was <> 'TERMINATED' THEN
      IF row.lives AND (now.event IS NULL OR now.big AND now.event = 'other' AND row.was = 'ACTIVE') THEN
        INSERT INTO sim.wrong VALUES (n, 'ended although its pod lives', row.id, concat_ws(' ', row.was, now.event, now.event_at, observed_at));
      ELSIF row.lives AND now.big AND row.was = 'ACTIVE' THEN
        early := early + (observed_at < now.event_at + mass_grace AND coalesce(row.missing, observed_at) > observed_at - mass_grace)::integer;
        INSERT INTO sim.lost VALUES (row.id);
      END IF;
      IF seen IS DISTINCT FROM 'not_found' OR row.missing IS NULL OR row.missing > observed_at - grace THEN
        INSERT INTO sim.wrong VALUES (n, 'ended without evidence', row.id, concat_ws(' ', row.was, seen, row.missing, observed_at));
      END IF;
    ELSIF row.now = 'ERROR' AND row.was IN ('QUEUED', 'CREATING') AND seen = 'not_found' THEN
      IF row.missing IS NULL OR row.missing > observed_at - interval '60 s' THEN
        INSERT INTO sim.wrong VALUES (n, 'given up before the deadline', row.id, row.was);
      END IF;
    ELSIF row.now = 'ERROR' AND row.was = 'TERMINATING' THEN
      IF row.attempts < 5 THEN
        INSERT INTO sim.wrong VALUES (n, 'end given up early', row.id, row.attempts::text);
      END IF;
    ELSIF row.now <> expected THEN
      INSERT INTO sim.wrong VALUES (n, 'unexpected', row.id, concat_ws(' ', row.was, seen, 'became', row.now, 'not', expected));
    END IF;
    row.missing := CASE WHEN seen = 'not_found' THEN coalesce(row.missing, observed_at)
      WHEN seen = 'unknown' THEN row.missing WHEN seen IS NOT NULL THEN NULL
      WHEN snapshot ? 'challenge_pods' THEN coalesce(row.missing, observed_at) ELSE row.missing END;
    UPDATE sim.model m SET status = row.now, missing = row.missing, sent = CASE WHEN row.now = 'ACTIVE' THEN 0 ELSE sent END
    WHERE id = row.id AND (m.status, m.missing) IS DISTINCT FROM (row.now, row.missing);
  END LOOP;
  IF early > 3 AND early * 5 > active THEN
    INSERT INTO sim.wrong VALUES (n, 'many ended before time', early || ' of ' || active, concat_ws(' ', now.event_at, observed_at));
  END IF;
  INSERT INTO sim.model SELECT i.id, i.status::text FROM "ChallengeInstance" i WHERE NOT EXISTS (SELECT FROM sim.model m WHERE m.id = i.id);
END $$;

-- What must hold after every pass.
CREATE PROCEDURE sim.check(n integer) LANGUAGE sql AS $$
  INSERT INTO sim.wrong SELECT n, 'flag', i.id, i.flag FROM "ChallengeInstance" i JOIN sim.model m USING (id)
    WHERE m.flag IS NOT NULL AND i.flag IS DISTINCT FROM m.flag OR i."flagSecretName" IS NOT NULL AND i.flag NOT LIKE 'EDU-{%}';
  INSERT INTO sim.wrong SELECT n, 'owner', id, '' FROM "ChallengeInstance" WHERE ("userId", "challengeId", "competitionId") <> ('u', 'c', 'g');
  INSERT INTO sim.wrong SELECT n, 'counted otherwise than sent', i.id, concat_ws(' ', i.status, i."terminationAttempts", m.sent)
    FROM "ChallengeInstance" i JOIN sim.model m USING (id) WHERE i."terminationAttempts" <> m.sent;
  INSERT INTO sim.wrong SELECT n, 'points', id, '' FROM "ChallengeCompletion";
  UPDATE sim.model m SET flag = i.flag FROM "ChallengeInstance" i
    WHERE i.id = m.id AND i."flagSecretName" IS NOT NULL AND m.flag IS DISTINCT FROM i.flag;
$$;

-- Sends some of the ends that are wanted, two that were not sent before and one that was, as they come; in a fair
-- order none waits for more than three turns.  Returns what to say of them.
CREATE FUNCTION sim.send_ends(n integer, ends jsonb, faulty boolean) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  chosen text[];
  now sim.state := (SELECT s FROM sim.state s);
BEGIN
  CREATE TEMP TABLE IF NOT EXISTS wanted_ends (name text, again boolean, place bigint, size bigint);
  DELETE FROM wanted_ends;
  INSERT INTO wanted_ends SELECT e ->> 'name', e ? 'attempts', row_number() OVER (PARTITION BY e ? 'attempts' ORDER BY o), count(*) OVER (PARTITION BY e ? 'attempts')
    FROM jsonb_array_elements(ends) WITH ORDINALITY AS e (e, o);
  INSERT INTO sim.wrong SELECT n, 'wants the end of one that was lost', name, '' FROM wanted_ends JOIN sim.lost USING (name)
    JOIN "ChallengeInstance" i ON i.id = name AND i.status = 'TERMINATED';
  DELETE FROM sim.waiting s WHERE NOT EXISTS (SELECT FROM wanted_ends w WHERE w.name = s.name AND w.again = s.again);
  INSERT INTO sim.waiting SELECT name, again, now.sendings, size FROM wanted_ends ON CONFLICT (name) DO UPDATE SET size = greatest(sim.waiting.size, EXCLUDED.size);
  INSERT INTO sim.wrong SELECT n, 'waits for more than three turns', name, concat_ws(' ', now.sendings - since, size) FROM sim.waiting
    WHERE now.sendings - since > 3 * ceil(size / CASE WHEN again THEN 1.0 ELSE 2.0 END);
  IF faulty AND random() < 0.1 THEN
    RETURN '[]'; -- nobody took the connection
  END IF;
  SELECT array_agg(name) INTO chosen FROM wanted_ends WHERE place <= CASE WHEN again THEN 1 ELSE 2 END;
  UPDATE sim.state SET sendings = sendings + 1;
  UPDATE sim.model m SET sent = sent + 1 FROM "ChallengeInstance" i WHERE i.id = m.id AND m.id = ANY (chosen) AND i.status IN ('TERMINATING', 'ERROR');
  UPDATE sim.pod SET status = 'TERMINATING' WHERE name = ANY (chosen) AND sim.ends(name) AND random() < 0.5;
  DELETE FROM sim.waiting WHERE name = ANY (chosen);
  RETURN (SELECT coalesce(jsonb_agg(jsonb_build_object('name', name, 'accepted', sim.ends(name) OR random() < 0.5)), '[]') FROM unnest(chosen) name);
END $$;

-- One observation of the list and the answers to what it leaves open.
CREATE PROCEDURE sim.pass(n integer, INOUT at timestamptz, faulty boolean) LANGUAGE plpgsql AS $$
DECLARE
  dice float := CASE WHEN faulty THEN random() ELSE 1 END;
  now sim.state := (SELECT s FROM sim.state s);
  pods text[] := ARRAY(SELECT name FROM sim.pod);
  snapshot jsonb;
  kind text;
  wanted jsonb;
  result edurange.sync_result;
BEGIN
  at := clock_timestamp();
  IF now.jumped THEN kind := 'jump'; snapshot := sim.listed(ARRAY(SELECT p FROM unnest(pods) p WHERE random() < 0.5));
  ELSIF now.event = 'other' THEN kind := 'other'; snapshot := '{"challenge_pods": [{"name": "foreign", "status": "ACTIVE"}]}';
  ELSIF now.event = 'half' THEN kind := 'half'; snapshot := sim.listed(ARRAY(SELECT p FROM unnest(pods) p WHERE hashtext(p) % 3 = 0));
  ELSIF dice < 0.10 THEN kind := 'error'; snapshot := '{"error": "timed out"}';
  ELSIF dice < 0.18 THEN kind := 'empty'; snapshot := '{"challenge_pods": []}';
  ELSIF dice < 0.28 THEN kind := 'short'; snapshot := sim.listed(ARRAY(SELECT p FROM unnest(pods) p WHERE random() < 0.7));
  ELSIF dice < 0.36 THEN kind := 'doubled'; snapshot := sim.listed(pods);
    snapshot := jsonb_set(snapshot, '{challenge_pods}', (snapshot -> 'challenge_pods') || (snapshot -> 'challenge_pods'));
  ELSIF dice < 0.42 THEN kind := 'outdated'; snapshot := '{"challenge_pods": []}';
  ELSIF dice < 0.46 THEN kind := 'outdated'; snapshot := (SELECT jsonb_build_object('challenge_pods', coalesce(jsonb_agg(jsonb_build_object('name', id, 'status', 'ERROR')), '[]')) FROM "ChallengeInstance");
  ELSIF dice < 0.50 THEN kind := 'unreadable'; snapshot := sim.listed(pods);
    snapshot := jsonb_set(snapshot, '{challenge_pods}', (snapshot -> 'challenge_pods') || '[{"name": "unreadable", "status": 7}]');
  ELSE kind := 'good'; snapshot := sim.listed(pods);
  END IF;
  result := edurange.sync_apply(snapshot, CASE kind WHEN 'outdated' THEN at - interval '10 min' ELSE at END);
  CALL sim.judge(n, at, kind, snapshot, kind NOT IN ('error', 'outdated', 'jump'));
  INSERT INTO sim.done VALUES (kind, 1);
  IF now.jumped THEN
    -- all begins anew; (a list of before is no older than another now, so a good one comes first)
    UPDATE sim.state SET jumped = false;
    UPDATE sim.model SET missing = NULL;
    snapshot := sim.listed(pods);
    result := edurange.sync_apply(snapshot, at);
    CALL sim.judge(n, at, kind, snapshot, true);
  END IF;
  IF random() < 0.1 AND kind = 'good' THEN
    IF (edurange.sync_apply(snapshot, at)).changed <> 0 THEN
      INSERT INTO sim.wrong VALUES (n, 'the second time something changed', '', '');
    END IF;
  END IF;
  -- the answers; while there are faults, some say nothing, and some are about what nobody asked for
  CALL sim.tick(100);
  at := clock_timestamp();
  wanted := result.wanted;
  IF faulty AND random() < 0.2 THEN
    wanted := jsonb_set(wanted, '{statuses}', (wanted -> 'statuses') || (SELECT coalesce(jsonb_agg(jsonb_build_object('name', id)), '[]')
      FROM "ChallengeInstance" i WHERE random() < 0.3 AND NOT EXISTS (SELECT FROM jsonb_array_elements(wanted -> 'statuses') w WHERE w ->> 'name' = i.id)));
  END IF;
  snapshot := jsonb_build_object('statuses', (SELECT coalesce(jsonb_agg(jsonb_build_object('name', w ->> 'name', 'status',
      CASE WHEN faulty AND random() < 0.3 THEN 'unknown'
        WHEN now.event = 'other' OR now.event = 'half' AND hashtext(w ->> 'name') % 3 <> 0 THEN 'not_found'
        ELSE coalesce(p.status, 'not_found') END)), '[]')
    FROM jsonb_array_elements(wanted -> 'statuses') w LEFT JOIN sim.pod p ON p.name = w ->> 'name'),
    'secrets', (SELECT coalesce(jsonb_agg(w || jsonb_build_object('value', CASE WHEN faulty AND random() < 0.3 THEN 'null' ELSE p.flag END)), '[]')
    FROM jsonb_array_elements(wanted -> 'secrets') w LEFT JOIN sim.pod p ON p.name = w ->> 'name'),
    'ends', sim.send_ends(n, wanted -> 'ends', faulty));
  PERFORM edurange.sync_apply(snapshot, at);
  CALL sim.judge(n, at, 'answers', snapshot, true);
  CALL sim.check(n);
END $$;

-- Now and then all pods, or most of them, are said not to be there; and now and then a clock is set.  An event is big
-- where many go at once: a few who are missing since later than the others may end with them.
CREATE PROCEDURE sim.event(n integer) LANGUAGE plpgsql AS $$
DECLARE
  kind text := CASE WHEN n % 200 BETWEEN 20 AND 75 THEN 'half' WHEN n % 200 BETWEEN 120 AND 150 THEN 'other' END;
BEGIN
  IF kind IS DISTINCT FROM (SELECT event FROM sim.state) THEN
    UPDATE sim.state SET event = kind, event_at = clock_timestamp(), big = (SELECT count(*) FILTER (WHERE hidden AND NOT missed) > 5 AND count(*) FILTER (WHERE hidden) > 0.3 * count(*)
      FROM (SELECT kind = 'other' OR hashtext(id) % 3 <> 0 AS hidden, missing IS NOT NULL AS missed FROM "ChallengeInstance" JOIN sim.model m USING (id)
        WHERE "ChallengeInstance".status = 'ACTIVE') AS active);
  END IF;
  IF n % 250 = 180 THEN
    CALL sim.tick(0, (ARRAY[1, -1, 24, -24])[1 + n / 250 % 4] * 3600000::bigint);
    UPDATE sim.state SET event_at = clock_timestamp(); -- all periods begin anew
  END IF;
END $$;

-- After faults: within the grace period and two polls every instance is what its pod is.
CREATE PROCEDURE sim.calm(n integer, INOUT at timestamptz) LANGUAGE plpgsql AS $$
DECLARE
  began timestamptz := at;
BEGIN
  FOR i IN 0 .. 17 LOOP
    CALL sim.tick(2000);
    CALL sim.pass(n, at, false);
  END LOOP;
  -- many at once are held until time has decided
  WHILE (SELECT held FROM edurange.sync_status()) > 0 LOOP
    CALL sim.tick(2000);
    CALL sim.pass(n, at, false);
    INSERT INTO sim.done VALUES ('held', 1);
    IF at > began + interval '2 min' THEN
      INSERT INTO sim.wrong VALUES (n, 'held for ever', '', (SELECT "heldUntil" FROM edurange.sync_status()));
      EXIT;
    END IF;
  END LOOP;
  INSERT INTO sim.wrong SELECT n, 'lives on after its pod', i.id, concat_ws(' ', i.status, at, began, (SELECT w FROM edurange.sync_watch w WHERE w.name = i.id AND w.reason = 'missing')) FROM "ChallengeInstance" i
    WHERE i.status IN ('ACTIVE', 'TERMINATING') AND NOT EXISTS (SELECT FROM sim.pod p WHERE p.name = i.id);
  INSERT INTO sim.wrong SELECT n, 'waits although its pod is there', i.id, i.status::text FROM "ChallengeInstance" i JOIN sim.pod p ON p.name = i.id
    WHERE i.status = 'QUEUED' OR i.status = 'CREATING' AND p.status <> 'CREATING';
  INSERT INTO sim.wrong SELECT n, 'waits for its address', i.id, i.status::text FROM "ChallengeInstance" i JOIN sim.pod p ON p.name = i.id
    WHERE i.status = 'ACTIVE' AND i."challengeUrl" = 'pending...';
  INSERT INTO sim.wrong SELECT n, 'logged twice', metadata ->> 'instanceId', '' FROM "ActivityLog"
    WHERE "eventType" = 'CHALLENGE_INSTANCE_DELETED' GROUP BY 3 HAVING count(*) > 1;
  INSERT INTO sim.done VALUES ('calm', 1);
END $$;

CREATE PROCEDURE sim.run(passes integer, seed integer) LANGUAGE plpgsql AS $$
DECLARE
  at timestamptz;
BEGIN
  PERFORM setseed((seed % 10000) / 10000.0);
  FOR n IN 1 .. passes LOOP
    CALL sim.tick(2000);
    CALL sim.dashboard(n);
    CALL sim.cluster(n);
    CALL sim.event(n);
    -- a list of before is no older than another before there was one, so a good one comes first
    CALL sim.pass(n, at, n > 1);
    IF n % 100 = 0 THEN
      CALL sim.calm(n, at);
      DELETE FROM "ChallengeInstance" WHERE status IN ('TERMINATED', 'ERROR') AND random() < 0.8;
      DELETE FROM sim.pod p WHERE NOT EXISTS (SELECT FROM "ChallengeInstance" i WHERE i.id = p.name);
      DELETE FROM sim.lost l WHERE NOT EXISTS (SELECT FROM sim.pod p WHERE p.name = l.name);
      DELETE FROM sim.model m WHERE NOT EXISTS (SELECT FROM "ChallengeInstance" i WHERE i.id = m.id);
      COMMIT;
    END IF;
  END LOOP;
END $$;
SQL

# Without other warnings in the log than those of pods that cannot be adopted.
$node->psql('edurange', "SET client_min_messages = error; CALL sim.run($passes, $seed)",
	on_error_die => 1, timeout => 7000);
note sql('SELECT kind, count(*) FROM sim.done GROUP BY 1 ORDER BY 1');
is(sql('SELECT what, count(*), min(pass), min(id), min(detail) FROM sim.wrong GROUP BY 1'),
	'', "nothing is other than the model has it");
is(sql(q{SELECT count(*) FILTER (WHERE kind NOT IN ('calm', 'held')) - count(*) FILTER (WHERE kind = 'held') FROM sim.done}) + 0,
	$passes + 18 * int($passes / 100), 'every pass was made');
cmp_ok(sql(q{SELECT count(*) FROM "ActivityLog" WHERE "eventType" = 'CHALLENGE_INSTANCE_DELETED'}),
	'>', $passes / 100, 'instances ended');
cmp_ok(sql('SELECT stale FROM edurange.sync_status()'), '>', 0, 'there were outdated lists');
cmp_ok(sql('SELECT sendings FROM sim.state'), '>', $passes / 2, 'ends were sent');
$node->stop;
done_testing();
