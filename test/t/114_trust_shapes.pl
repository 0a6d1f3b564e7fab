# Whoever owns the platform's tables may alter them, also under our hands.  Every column that there is gets every
# kind of other shape, in a session whose plans are warm and in fresh ones: a function then answers as before, or
# says schema_changed and what has changed.  No crash, no wrong number, and readiness and health say the same.
#
# EDURANGE_SEED repeats the choice of alterations; with EDURANGE_LONG each table and column gets all of them.

use strict;
use warnings;

use Edurange::Cluster;
use IPC::Run;
use List::Util qw(shuffle);
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = $ENV{EDURANGE_SEED} // int(rand(1e9));
note "EDURANGE_SEED=$seed";
srand($seed);

my $node = Edurange::Cluster->new_ready('trust_shapes',
	conf => "edurange.attempt_limit = 0\nlog_min_error_statement = panic\nlog_min_messages = fatal\nfsync = off\n");

sub sql { return $node->safe_psql('edurange', $_[0]) }

sql(q{
	INSERT INTO "User" (id, email, name) SELECT u, u || '@x', u FROM unnest(ARRAY['ada', 'bob', 'zoe', 'ina']) AS u;
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('g', 'G', '2020-01-01'), ('h', 'H', '2020-01-01');
	INSERT INTO "_GroupMembers" ("A", "B") VALUES ('g', 'ada'), ('g', 'bob'), ('g', 'zoe');
	INSERT INTO "_GroupInstructors" ("A", "B") VALUES ('g', 'ina');
	INSERT INTO "CompetitionAccessCode" (id, code, "groupId", "createdBy") VALUES ('c', 'C', 'h', 'ina');
	SELECT edurange.cdf_import('{"metadata": {"id": "ch", "name": "C", "version": "1.0.0", "challenge_type": "web"}, "components": [
		{"type": "webosApp", "id": "terminal", "config": {"app_type": "terminal", "title": "Shell"}},
		{"type": "question", "id": "q1", "config": {"type": "text", "text": "?", "points": 10, "answer": "a"}},
		{"type": "question", "id": "q2", "config": {"type": "text", "text": "?", "points": 20, "answer": "a"}},
		{"type": "question", "id": "q3", "config": {"type": "flag", "text": "?", "points": 30, "answer": "{{FLAG}}"}}]}');
	SELECT edurange.cdf_import('{"metadata": {"id": "other", "name": "O", "version": "1.0.0", "challenge_type": "web"}, "components": [
		{"type": "question", "id": "o1", "config": {"type": "text", "text": "?", "points": 10, "answer": "a"}}]}');
	UPDATE "ChallengeQuestion" SET id = cdf_question_id;
	INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId") VALUES ('gc', 60, 'ch', 'g');
	INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, flag, "flagSecretName", "competitionId")
		VALUES ('i', 'ch', 'ada', 'url', 'ACTIVE', 'FLAG-1', 's', 'g'), ('j', 'ch', 'bob', 'url', 'TERMINATING', 'FLAG-2', 's', 'g');
	SELECT edurange.pack_install('{"id": "p", "name": "P", "version": "1.0.0", "challenges": ["a.json"]}', '{a.json}', ARRAY[
		'{"metadata": {"id": "pa", "name": "A", "version": "1.0.0", "challenge_type": "web"}, "components": [
			{"type": "question", "id": "p1", "config": {"type": "text", "text": "?", "points": 10, "answer": "a"}}]}'], installed_by => 'ina');
	SELECT edurange.attempt_question('ada', 'q1', 'gc', 'a');
	SELECT edurange.attempt_question('bob', 'q1', 'gc', 'a');
	SELECT edurange.attempt_question('bob', 'q2', 'gc', 'a');
	SELECT edurange.add_points('ada', 'g', 5, 'why');
	INSERT INTO "User" (id, email, name) VALUES ('eve', 'eve@x', 'eve');
	INSERT INTO "_GroupMembers" ("A", "B") VALUES ('g', 'eve');
	SELECT edurange.attempt_question('eve', 'q1', 'gc', 'e');
	SELECT edurange.accept_answer('g', 'q1', 'e');
	UPDATE edurange.grade_change SET id = 'change';
	UPDATE edurange.grade_change_user SET change_id = 'change';
	UPDATE edurange.grade_change_attempt SET change_id = 'change';
	SELECT edurange.set_board_policy('g', 'public');
	SELECT edurange.import_roster('g', E'email,name\nwaits@x,W\neve@x,Eve\n');
	UPDATE "CompetitionAccessCode" SET code = 'WAITS' WHERE "groupId" = 'g';
	UPDATE edurange.roster SET code = 'WAITS' WHERE code IS NOT NULL;
	SELECT edurange.events('g');
	SELECT edurange.sync_apply('{"challenge_pods": [{"name": "lost", "status": "ACTIVE", "webosUrl": "u"}]}', '2026-01-01');
	SELECT edurange.add_challenge_type('knots');
	INSERT INTO edurange.token (id, token_sha256, tier, label, user_id, instance_id, created_at, created_by)
		VALUES ('t', sha256('edr_0'), 'player', 't', NULL, 'i', '2026-01-01', 'x');
	CREATE SCHEMA testing;
	CREATE TABLE testing.calls (name text PRIMARY KEY, call text)});

my %calls = (
	get_points => q{edurange.get_points('ada', 'g')},
	points_history => q{edurange.points_history('ada', 'g')},
	add_points => q{edurange.add_points('ada', 'g', 7, 'r', idempotency_key => 'k')},
	'add_points to who has none' => q{edurange.add_points('bob', 'g', 1)},
	'add_points to a member without a total' => q{edurange.add_points('zoe', 'g', 1)},
	set_points => q{edurange.set_points('ada', 'g', 0)},
	activity => q{edurange.activity(user_id => 'ada')},
	check_invariants => q{edurange.check_invariants()},
	set_participation => q{edurange.set_participation('g', 'ada', hidden => true)},
	participation => q{edurange.participation('g')},
	gradebook => q{edurange.gradebook('g', by => 'question')},
	gradebook_file => q{edurange.gradebook_file('g', 'csv')},
	rejudge => q{edurange.rejudge('g', 'q1')},
	accept_answer => q{edurange.accept_answer('g', 'q2', 'z')},
	reprice => q{edurange.reprice('g', 'q1')},
	grade_question => q{edurange.grade_question('g', 'ada', 'q2', 5)},
	void_completion => q{edurange.void_completion('g', 'bob', 'q1')},
	grade_change => q{edurange.grade_change('g', 'change')},
	grade_changes => q{edurange.grade_changes('g')},
	undo_change => q{edurange.undo_change('g', 'change')},
	question_statistics => q{edurange.question_statistics('g')},
	timeline => q{edurange.timeline('g')},
	integrity_findings => q{edurange.integrity_findings('g')},
	'import_roster, with what waits' => q{edurange.import_roster('g', E'email,name\nwaits@x,W\nnew@x,New\n', make_users => true)},
	users => q{edurange.users()},
	create_user => q{edurange.create_user('made@x', 'Made')},
	'create_user who is there' => q{edurange.create_user('ADA@x')},
	competitions => q{edurange.competitions()},
	competition => q{edurange.competition('g')},
	update_competition => q{edurange.update_competition('g', name => 'GG', end_date => '2030-01-01')},
	delete_competition => q{edurange.delete_competition('h', 'H')},
	members => q{edurange.members('g')},
	remove_member => q{edurange.remove_member('g', 'eve')},
	set_instructors => q{edurange.set_instructors('g', ARRAY['bob'])},
	access_codes => q{edurange.access_codes('h')},
	revoke_access_code => q{edurange.revoke_access_code('h', 'C')},
	'revoke_access_code of a roster' => q{edurange.revoke_access_code('g', 'WAITS')},
	'join_competition by the roster' => q{edurange.join_competition('WAITS', 'ina')},
	remove_competition_challenge => q{edurange.remove_competition_challenge('g', 'gc', true)},
	set_challenge_points => q{edurange.set_challenge_points('g', 'gc', 10, true)},
	'set_challenge_points of what was asserted' => q{edurange.complete_challenge('ada', 'gc', 50), edurange.set_challenge_points('g', 'gc', 10, true)},
	reset_progress => q{edurange.reset_progress('g', 'bob')},
	'reset_progress of a challenge' => q{edurange.complete_challenge('ada', 'gc', 50), edurange.reset_progress('g', 'ada')},
	attempts => q{edurange.attempts('g')},
	'attempts of one' => q{edurange.attempts('g', 'ada')},
	'direct user' => q{testing.run($q$INSERT INTO "User" (id, email, "updatedAt") VALUES ('wes', 'Waits@x', now())$q$)},
	'direct user deleted' => q{testing.run($q$DELETE FROM "User" WHERE id = 'eve'$q$)},
	'direct competition deleted' => q{testing.run($q$DELETE FROM "CompetitionGroup" WHERE id = 'h'$q$)},
	import_roster => q{edurange.import_roster('g', E'email,name\nada@x,Ada\nnew@x,New\n')},
	roster => q{edurange.roster('g')},
	set_board_policy => q{edurange.set_board_policy('g', 'members', '2020-01-01', '2020-01-02')},
	get_board_policy => q{edurange.get_board_policy('g')},
	board_access => q{edurange.board_access('g', true)},
	board_state => q{(edurange.board_state('g')).rows},
	feed_state => q{(edurange.feed_state('g')).mark},
	events => q{(edurange.events('g', is_public => true)).events},
	create_competition => q{edurange.create_competition('N', '2020-01-01', ARRAY['ina', 'bob'])},
	generate_access_code => q{edurange.generate_access_code('g', 'ina', 'XYZ')},
	add_competition_challenge => q{edurange.add_competition_challenge('h', 'ch', 10)},
	join_competition => q{edurange.join_competition('C', 'ada')},
	leaderboard => q{edurange.leaderboard('g')},
	'leaderboard then' => q{edurange.leaderboard('g', at => now())},
	competition_progress => q{edurange.competition_progress('g', 'ada')},
	attempt_question => q{edurange.attempt_question('ada', 'q2', 'gc', 'a')},
	'attempt_question, wrong' => q{edurange.attempt_question('ada', 'q2', 'gc', 'b')},
	'attempt_question, last' => q{edurange.attempt_question('bob', 'q3', 'gc', 'FLAG-2')},
	'attempt_question, limited' => q{set_config('edurange.attempt_limit', '10', true), edurange.attempt_question('ada', 'q2', 'gc', 'a')},
	complete_question => q{edurange.complete_question('ada', 'q2', 'gc')},
	completed_questions => q{edurange.completed_questions('bob', 'gc')},
	complete_challenge => q{edurange.complete_challenge('bob', 'gc', 55)},
	challenge_details => q{edurange.challenge_details('ch')},
	question_details => q{edurange.question_details('q1')},
	challenges => q{edurange.challenges()},
	challenge_list => q{edurange.challenge_list(group_id => 'g')},
	challenge_instance => q{edurange.challenge_instance('i')},
	challenge_instances => q{edurange.challenge_instances()},
	update_challenge_instance => q{edurange.update_challenge_instance('i', 'TERMINATED')},
	log_activity => q{edurange.log_activity('USER_LOGGED_IN', 'nobody', 'INFO', '{"a": 1}', 'ch', 'g', 'i', 'c')},
	'log_activity again' => q{edurange.log_activity('QUESTION_ATTEMPTED', 'ada', 'INFO', '{"questionId": "q1"}')},
	cdf_export => q{edurange.cdf_export('ch')},
	cdf_import => q{edurange.cdf_import('{"metadata": {"id": "new", "name": "N", "version": "1.0.0", "challenge_type": "knots"}, "components": [
		{"type": "webosApp", "id": "terminal", "config": {"app_type": "terminal", "title": "Shell"}},
		{"type": "question", "id": "n1", "config": {"type": "text", "text": "?", "points": 10, "answer": "a"}}]}')},
	cdf_update => q{edurange.cdf_update('ch', '{"metadata": {"id": "ch", "name": "CC", "version": "1.0.1", "challenge_type": "web"}, "components": [
		{"type": "question", "id": "q2", "config": {"type": "text", "text": "??", "points": 20, "answer": "a"}},
		{"type": "question", "id": "q4", "config": {"type": "text", "text": "?", "points": 20, "answer": "a"}}]}')},
	pack_install => q{edurange.pack_install('{"id": "r", "name": "R", "version": "1.0.0", "challenges": ["a.json"], "dependencies": {"p": "^1.0.0"}}', '{a.json}', ARRAY[
		'{"metadata": {"id": "ra", "name": "A", "version": "1.0.0", "challenge_type": "web"}, "components": [
			{"type": "question", "id": "r1", "config": {"type": "text", "text": "?", "points": 10, "answer": "a"}}]}'])},
	pack_update => q{edurange.pack_update('{"id": "p", "name": "P", "version": "1.1.0", "challenges": ["b.json"]}', '{b.json}', ARRAY[
		'{"metadata": {"id": "pb", "name": "B", "version": "1.0.0", "challenge_type": "web"}, "components": [
			{"type": "question", "id": "p2", "config": {"type": "text", "text": "?", "points": 10, "answer": "a"}}]}'])},
	pack_uninstall => q{edurange.pack_uninstall('p')},
	pack_list => q{edurange.pack_list()},
	pack_details => q{edurange.pack_details('p')},
	authenticate_token => q{edurange.authenticate_token(sha256('edr_0'))},
	create_token => q{edurange.create_token('player', 'x', user_id => 'ada', instance_id => 'i')},
	revoke_token => q{edurange.revoke_token('t')},
	tokens => q{edurange.tokens()},
	cdf_schema => q{edurange.cdf_schema()},
	set_cdf_schema => q{edurange.set_cdf_schema('{"required": ["metadata"]}', 's')},
	reset_cdf_schema => q{edurange.set_cdf_schema('{"required": ["metadata"]}', 's'), edurange.reset_cdf_schema()},
	add_challenge_type => q{edurange.add_challenge_type('ropes')},
	remove_challenge_type => q{edurange.remove_challenge_type('knots')},
	sync_drift => q{edurange.sync_drift()},
	sync_apply => q{edurange.sync_apply('{"challenge_pods": [{"name": "i", "status": "ERROR", "webosUrl": "u"}, {"name": "k", "status": "ACTIVE", "webosUrl": "u", "user_id": "ada", "competition_id": "g", "challenge_id": "ch"}],
		"secrets": [{"name": "i", "secret_name": "s2", "value": "FLAG-3"}]}', '2026-01-02')},
	sync_apply_list => q{edurange.sync_apply_list('{"challenge_pods": [{"name": "i", "status": "ACTIVE", "webosUrl": "u"}]}', '2026-01-02')},
	sync_begin => q{edurange.sync_begin()},
	sync_confirm => q{edurange.sync_confirm()},
	'direct instance' => q{testing.run($q$DELETE FROM "ChallengeInstance" WHERE id = 'i'$q$)},
	'direct total' => q{testing.run($q$UPDATE "GroupPoints" SET points = points + 1$q$)},
	'direct total moved' => q{testing.run($q$UPDATE "GroupPoints" SET "groupId" = 'h' WHERE "userId" = 'ada'$q$)},
	'direct member' => q{testing.run($q$DELETE FROM "_GroupMembers"$q$)},
	findings => q{edurange.findings()});
# What is behind a token was written by transactions that it knows of.
my $token = sql(q{SELECT "sinceToken" FROM edurange.events('g')});
sql(q{SELECT edurange.set_points('bob', 'g', 77)});
$calls{'events behind'} = "(edurange.events('g', '$token')).events";
sql("INSERT INTO testing.calls VALUES " . join(', ', map { "('$_', \$call\$$calls{$_}\$call\$)" } sort keys %calls));

sql(<<'SQL');
CREATE FUNCTION testing.run(statement text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN EXECUTE statement; RETURN ''; END $$;
CREATE TYPE testing.answer AS (name text, code text, answer text);
-- An answer without what differs each time.
CREATE FUNCTION testing.plain(answer text) RETURNS text LANGUAGE sql AS $$
	SELECT regexp_replace(regexp_replace(answer, '20[2-9]\d-\d\d-\d\d[ T][0-9:.]+(\+00|Z)?', 'TIME', 'g'),
		'[0-9a-f]{8}-[0-9a-f-]{27}|edr_[0-9a-f]{64}', 'ID', 'g') $$;
CREATE FUNCTION testing.answer(name text, call text) RETURNS testing.answer LANGUAGE plpgsql AS $$
DECLARE
	got text;
	broken text;
BEGIN
	EXECUTE format('SELECT string_agg(a::text, E''\n'') FROM (SELECT %s) AS a', call) INTO got;
	BEGIN
		SELECT string_agg(i::text, ' ') INTO broken FROM edurange.check_invariants() i;
	EXCEPTION WHEN OTHERS THEN
		NULL;  -- it is a call of its own
	END;
	IF broken IS NOT NULL AND call NOT LIKE '%check_invariants%' THEN
		got := 'BROKEN ' || broken;
	END IF;
	RAISE EXCEPTION USING ERRCODE = 'TT000', MESSAGE = coalesce(testing.plain(got), '');
EXCEPTION WHEN OTHERS THEN
	RETURN ROW(name, CASE sqlstate WHEN 'TT000' THEN 'ok' ELSE sqlstate END, sqlerrm);
END $$;
CREATE FUNCTION testing.answers(wanted text[] DEFAULT NULL) RETURNS testing.answer[] LANGUAGE plpgsql AS $$
DECLARE
	c record;
	answers testing.answer[];
BEGIN
	FOR c IN SELECT * FROM testing.calls WHERE wanted IS NULL OR calls.name = ANY (wanted) ORDER BY name LOOP
		answers := answers || testing.answer(c.name, c.call);
	END LOOP;
	RETURN answers;
END $$;
-- What the calls, readiness and health answer while something is altered.
CREATE FUNCTION testing.under(alteration text, wanted text[]) RETURNS testing.answer[] LANGUAGE plpgsql AS $$
DECLARE
	answers testing.answer[];
	altered boolean := false;
BEGIN
	EXECUTE alteration;
	altered := true;
	answers := testing.answers(wanted);
	answers := answers || testing.answer('readiness', $q$(SELECT coalesce(string_agg(m, ';'), '') FROM unnest((edurange.readiness()).missing) m)$q$)
		|| testing.answer('health', $q$(edurange.health()).message$q$);
	RAISE EXCEPTION USING ERRCODE = 'TT001';
EXCEPTION WHEN OTHERS THEN
	IF sqlstate <> 'TT001' THEN
		RETURN ARRAY[ROW(CASE WHEN altered THEN 'harness' ELSE 'alteration' END, sqlstate, sqlerrm)::testing.answer];
	END IF;
	RETURN answers;
END $$;
-- Which tables a call writes, and how.
CREATE FUNCTION testing.counts() RETURNS TABLE (relation text, operation text, count bigint) LANGUAGE sql AS $$
	SELECT format('%s.%I', schemaname, relname), operation, count FROM pg_stat_xact_user_tables,
		LATERAL (VALUES ('INSERT', n_tup_ins), ('UPDATE', n_tup_upd), ('DELETE', n_tup_del)) AS o (operation, count)
	WHERE schemaname IN ('public', 'edurange') $$;
CREATE FUNCTION testing.written(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	before jsonb := (SELECT jsonb_object_agg(relation || ' ' || operation, count) FROM testing.counts());
BEGIN
	EXECUTE format('SELECT count(*) FROM (SELECT %s) AS a', call);
	RAISE EXCEPTION USING ERRCODE = 'TT002', MESSAGE = coalesce((SELECT string_agg(relation || ' ' || operation, ',') FROM testing.counts()
		WHERE count > coalesce((before ->> (relation || ' ' || operation))::bigint, 0)), '');
EXCEPTION WHEN SQLSTATE 'TT002' THEN
	RETURN sqlerrm;
END $$;
CREATE FUNCTION testing.loosen() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	k record;
BEGIN
	FOR k IN SELECT conrelid::regclass AS t, conname FROM pg_constraint WHERE contype IN ('f', 'c') AND conparentid = 0
		AND connamespace IN ('public'::regnamespace, 'edurange'::regnamespace) AND conrelid <> 0
	LOOP
		EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', k.t, k.conname);
	END LOOP;
END $$;
-- A value as one of another type.
CREATE FUNCTION testing.as_number(v text) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE WHEN v ~ '^-?\d+$' THEN v::numeric WHEN v IS NOT NULL THEN hashtext(v) END $$;
CREATE FUNCTION testing.as_time(v text) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE WHEN v ~ '^\d{4}-' THEN v::timestamptz WHEN v IS NOT NULL THEN '2020-01-01' END $$;
CREATE FUNCTION testing.nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TABLE testing.golden AS SELECT (a).* FROM unnest(testing.answers()) AS a;
CREATE TABLE testing.touches (relation text, name text);
CREATE FUNCTION testing.judged(alteration text, subject text, named text, wanted text[] DEFAULT NULL) RETURNS SETOF text LANGUAGE sql AS $$
	WITH got AS MATERIALIZED (SELECT (a).name, (a).code, replace((a).answer, '"', '') AS answer
		FROM unnest(testing.under(format('SET LOCAL edurange.allow_drop = on; %s', alteration), wanted)) AS a),
	judged AS (SELECT g.*, w.name IS NOT NULL AND g.code = w.code AND g.answer = replace(w.answer, '"', '') AS same,
		g.code IN ('RG902', '55000') AND strpos(g.answer, replace(named, '"', '')) > 0 AS says, g.name LIKE 'direct%' AND g.code <> 'ok' AS refused
		FROM got g LEFT JOIN testing.golden w USING (name))
	SELECT format('%s | %s | %s | %s', subject, name, code, left(answer, 300)) FROM judged
	WHERE name NOT IN ('readiness', 'health', 'alteration') AND NOT same AND NOT says AND NOT refused
	UNION ALL
	SELECT format('%s | alteration | %s | %s', subject, code, left(answer, 200)) FROM judged WHERE name = 'alteration'
	UNION ALL
	SELECT format('%s | %s says nothing of it | %s | %s', subject, name, code, left(answer, 300)) FROM judged
	WHERE name = 'readiness' AND (code <> 'ok' OR strpos(answer, replace(named, '"', '')) = 0)
	AND EXISTS (SELECT FROM judged WHERE says) AND named <> 'edurange.migration'  -- then all migrations are
	UNION ALL
	SELECT format('%s | health says nothing of it | %s | %s', subject, code, left(answer, 300)) FROM judged
	WHERE name = 'health' AND NOT says AND (code <> 'ok' OR answer LIKE '%in place%')
	AND EXISTS (SELECT FROM judged WHERE says)
	UNION ALL
	SELECT format('%s | %s stops nothing | ok | %s', subject, name, left(answer, 300)) FROM judged
	WHERE name = 'readiness' AND answer LIKE '%shape %' AND NOT EXISTS (SELECT FROM judged WHERE says)
	AND named NOT LIKE 'edurange.migration.%'  -- only migrate() reads those
	AND named NOT LIKE '%unique key%'  -- it decides who comes first, also where no statement names it
$$;
SQL

# Each function that somebody may execute is called, but for those that name no table, or the worker's alone.
is(sql(q{SELECT string_agg(DISTINCT f, ', ' ORDER BY f) FROM edurange.granted() g, unnest(g.functions) AS f JOIN pg_proc p ON p.proname = f
	WHERE p.pronamespace = 'edurange'::regnamespace AND p.prolang = (SELECT oid FROM pg_language WHERE lanname = 'c')
	AND NOT EXISTS (SELECT FROM testing.calls WHERE call ~ ('edurange\.' || f || '\('))}),
	'cdf_validate, health, json_schema_validate, migration_applied, new_id, outcomes, pack_parts, readiness, shape_faults, sync_now, sync_release, sync_status, version_satisfies, wire, wire_piece, worker_attributes', 'every function is called');

my $started = sql('SELECT pg_postmaster_start_time()');
is(sql(q{SELECT string_agg(name || ': ' || code || ' ' || left(answer, 200), E'\n') FROM testing.golden WHERE code <> 'ok' OR answer LIKE 'BROKEN%'}),
	'', 'every call goes through before');
is(sql(q{SELECT count(*) FROM testing.golden g JOIN unnest(testing.answers()) AS a ON a.name = g.name AND a.answer = g.answer}),
	scalar(keys %calls), 'and answers the same again');

# Tables as a whole.  That row level security hides one shows, too, which calls have to do with it.
my @columns = map { [ split /\|/, $_ ] } split /\n/, sql(q{
	SELECT quote_ident(a.attname), format_type(a.atttypid, NULL), a.attnotnull, c.relnamespace::regnamespace || '.' || quote_ident(c.relname)
	FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
	WHERE c.relnamespace IN ('public'::regnamespace, 'edurange'::regnamespace) AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
	ORDER BY 4, a.attnum});
# (the record of migrations is read by readiness and health alone, which answer all the same and name it)
my @tables = grep { $_ ne 'edurange.migration' } do { my %seen; grep { !$seen{$_}++ } map { $_->[3] } @columns };
my @cannot;

# What is wrong with the answers under each of the alterations: what it is, the statements, what has to be named.
sub faults
{
	my ($session, @alterations) = @_;
	my @out = split /\n/, $session->(join ' ', map { my ($subject, $alteration, $named, $table) = @$_;
		"SELECT testing.judged(\$a\$$alteration\$a\$, \$s\$$subject\$s\$, \$n\$$named\$n\$, "
		. ($table ? "(SELECT array_agg(name) FROM testing.touches WHERE relation = \$r\$$table\$r\$)" : 'NULL') . ');' } @alterations);

	push @cannot, grep { /\| alteration \|/ } @out;
	return join("\n", grep { !/\| alteration \|/ } @out);
}
my $warm = sub { return sql("SET client_min_messages = error; SELECT FROM testing.answers(); $_[0]") };

sql('CREATE FOREIGN DATA WRAPPER testing; CREATE SERVER testing FOREIGN DATA WRAPPER testing');
my @of_tables;
for my $table (@tables)
{
	my $grants = $table =~ /^public/ ? "GRANT ALL ON $table TO edurange_game" : "ALTER TABLE $table OWNER TO edurange_owner; GRANT SELECT ON $table TO edurange_game";
	my ($name) = $table =~ /\.(.*)/;
	my $moved = "SELECT testing.loosen(); ALTER TABLE $table SET SCHEMA testing;";
	my $force = $table =~ /^public/ ? '' : "; ALTER TABLE $table FORCE ROW LEVEL SECURITY";
	my ($key) = map { $_->[0] } grep { $_->[3] eq $table } @columns;
	my $hidden = "ALTER TABLE $table ENABLE ROW LEVEL SECURITY$force";

	sql(qq{INSERT INTO testing.touches SELECT \$\$$table\$\$, (a).name FROM unnest(testing.under(\$\$$hidden\$\$, NULL)) AS a WHERE (a).code = 'RG902' OR (a).name LIKE 'direct%'});
	my @some =
		([ "$table hidden", $hidden, $table, $table ],
		[ "$table partitioned", "$moved CREATE TABLE $table (LIKE testing.$name INCLUDING DEFAULTS) PARTITION BY HASH ($key);
			CREATE TABLE testing.part PARTITION OF $table FOR VALUES WITH (MODULUS 1, REMAINDER 0); INSERT INTO $table SELECT * FROM testing.$name; $grants", $table, $table ],
		[ "$table as a view", "$moved CREATE VIEW $table AS SELECT * FROM testing.$name; $grants", $table, $table ],
		[ "$table foreign", "$moved DO \$\$ BEGIN EXECUTE (SELECT 'CREATE FOREIGN TABLE $table (' || string_agg(quote_ident(attname) || ' ' || format_type(atttypid, atttypmod)
			|| CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END, ', ' ORDER BY attnum) || ') SERVER testing' FROM pg_attribute WHERE attrelid = 'testing.$name'::regclass AND attnum > 0 AND NOT attisdropped); END \$\$; $grants", $table, $table ],
		[ "$table unlogged", "SELECT testing.loosen(); ALTER TABLE $table SET UNLOGGED", $table, $table ],
		[ "$table inherited", "CREATE TABLE testing.child () INHERITS ($table)", $table, $table ],
		[ "$table inheriting", "CREATE TABLE testing.parent (LIKE $table); ALTER TABLE $table INHERIT testing.parent", $table, $table ],
		[ "$table with a rule", "CREATE RULE nothing AS ON INSERT TO $table DO INSTEAD NOTHING", $table, $table ],
		[ "$table dropped", "DROP TABLE $table CASCADE", $table, $table ],
		[ "$table renamed", "ALTER TABLE $table RENAME TO renamed_away", $table, $table ]);
	push @of_tables, $ENV{EDURANGE_LONG} ? @some : (shuffle(@some))[ 0 .. 3 ];
}
is(sql(q{SELECT string_agg(relation, ', ') FROM (SELECT DISTINCT relation FROM testing.touches GROUP BY 1
	HAVING count(*) FILTER (WHERE name NOT LIKE 'direct%') = 0 ORDER BY 1) AS t (relation)}), 'public."Account", public."Session", public."VerificationToken"', 'every table of which functions know is read by one');
is(faults($warm, @of_tables), '', scalar(@of_tables) . ' alterations of tables: each call answers as before or says what has changed');

# Columns: in the long test in every way, else in one that is picked.
my %to = (
	'bigint' => 'testing.as_number(%s::text)::bigint', 'integer' => 'testing.as_number(%s::text)::integer', 'numeric' => 'testing.as_number(%s::text)',
	'double precision' => 'testing.as_number(%s::text)::double precision', 'text' => '%s::text', 'varchar' => '%s::text::varchar',
	'uuid' => 'md5(%s::text)::uuid', 'timestamptz' => 'testing.as_time(%s::text)', 'jsonb' => 'to_jsonb(%s)', 'bytea' => q{convert_to(%s::text, 'UTF8')},
	'boolean' => '%s IS NOT NULL');
my @of_columns;
for (@columns)
{
	my ($column, $type, $required, $table) = @$_;
	my $named = "$table.$column";
	my @types = grep { $type !~ /^\Q$_\E/ && !($type =~ /timestamp with time/ && $_ eq 'timestamptz') } sort keys %to;
	my @some = (
		[ "$named dropped", "ALTER TABLE $table DROP COLUMN $column CASCADE", $named, $table ],
		[ "$named renamed", "ALTER TABLE $table RENAME COLUMN $column TO renamed", $named, $table ]);

	push @some, [ "$named null", "SELECT testing.loosen(); ALTER TABLE $table ALTER COLUMN $column DROP NOT NULL; UPDATE $table SET $column = NULL", $named, $table ],
		[ "$named may be null", "ALTER TABLE $table ALTER COLUMN $column DROP NOT NULL", $named, $table ] if $required eq 't';
	push @some, map { [ "$named as $_", sprintf("SELECT testing.loosen(); ALTER TABLE $table ALTER COLUMN $column DROP DEFAULT;
		ALTER TABLE $table ALTER COLUMN $column TYPE $_ USING $to{$_}", $column), $named, $table ] } @types;
	push @of_columns, $ENV{EDURANGE_LONG} ? @some : (shuffle(@some))[0];
}
is(faults($warm, @of_columns), '', scalar(@of_columns) . ' alterations of columns: the same');
note "cannot be made: $_" for @cannot;
cmp_ok(scalar(@cannot), '<', (@of_tables + @of_columns) / 8, 'nearly all of them can be made');

# Texts that are equal although they differ, and columns that nobody can write.
sql(q{CREATE COLLATION testing.loose (provider = icu, locale = 'und-u-ks-level1', deterministic = false)});
my @of_kinds = map { my ($column, $type, $required, $table) = @$_;
	[ "$table.$column with a loose collation", "SELECT testing.loosen(); ALTER TABLE $table ALTER COLUMN $column TYPE text COLLATE testing.loose", "$table.$column", $table ] }
  $ENV{EDURANGE_LONG} ? grep({ $_->[1] eq 'text' } @columns) : (shuffle(grep { $_->[1] eq 'text' } @columns))[ 0 .. 15 ];
push @of_kinds, [ 'a total that is generated', q{ALTER TABLE "GroupPoints" DROP COLUMN points; ALTER TABLE "GroupPoints" ADD COLUMN points integer NOT NULL GENERATED ALWAYS AS (7) STORED},
	'public."GroupPoints".points', 'public."GroupPoints"' ];
if ($node->pg_version >= 18)
{
	my @required = grep { $_->[2] eq 't' } @columns;
	# (of most columns a null says itself; of this one a board would have it)
	my @quiet = grep { "$_->[3].$_->[0]" eq 'edurange.standing.points' } @required;

	push @of_kinds, map { my ($column, $type, $required, $table) = @$_;
		[ "$table.$column null from before", "SELECT testing.loosen(); ALTER TABLE $table ALTER COLUMN $column DROP NOT NULL; UPDATE $table SET $column = NULL;
			ALTER TABLE $table ADD CONSTRAINT from_now_on NOT NULL $column NOT VALID", "$table.$column", $table ] }
	  $ENV{EDURANGE_LONG} ? @required : (@quiet, (shuffle(@required))[ 0 .. 30 ]);
	push @of_kinds, [ 'a total that is generated when it is read', q{ALTER TABLE "GroupPoints" DROP COLUMN points; ALTER TABLE "GroupPoints" ADD COLUMN points integer NOT NULL GENERATED ALWAYS AS (7)},
		'public."GroupPoints".points', 'public."GroupPoints"' ];
}
is(faults($warm, @of_kinds), '', scalar(@of_kinds) . ' alterations of what no type says: the same');

# Rows that cannot be written as they should: no key holds them apart, or a column wants what nobody gives it.
my @of_rows;
for (map { [ split /\|/, $_ ] } split /\n/, sql(q{
	SELECT x.indrelid::regclass, i.relname, k.conname, string_agg(quote_ident(a.attname), ', ' ORDER BY array_position(x.indkey::int2[], a.attnum))
	FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = ANY (x.indkey)
	LEFT JOIN pg_constraint k ON k.conindid = i.oid AND k.contype IN ('p', 'u')
	WHERE x.indisunique AND i.relnamespace = 'public'::regnamespace AND x.indrelid::regclass::text !~ '"(Account|Session|VerificationToken)"' GROUP BY 1, 2, 3 ORDER BY 1, 2}))
{
	my ($table, $index, $constraint, $key) = @$_;
	my $gone = $constraint ? qq{ALTER TABLE $table DROP CONSTRAINT "$constraint" CASCADE} : qq{DROP INDEX "$index"};
	my $lacks = "public.$table has no unique key of ($key)";
	my %put = ('none' => '', 'a plain one' => qq{; CREATE INDEX "$index" ON $table ($key)}, 'one of some rows' => qq{; CREATE UNIQUE INDEX "$index" ON $table ($key) WHERE false},
		'one that is not valid' => qq{; CREATE UNIQUE INDEX "$index" ON $table ($key); UPDATE pg_index SET indisvalid = false WHERE indexrelid = '"$index"'::regclass});

	for my $instead ($ENV{EDURANGE_LONG} ? sort keys %put : (shuffle(sort keys %put))[0])
	{
		push @of_rows, [ "$table without $index, $instead in its place", $gone . $put{$instead}, $lacks ];
		is(sql("SET client_min_messages = error; BEGIN; SET LOCAL edurange.allow_drop = on; $gone$put{$instead}; SELECT string_agg(f, '; ') FROM edurange.shape_faults() f WHERE f LIKE '%unique%'"),
			$lacks, "$table without $index, $instead in its place: is named");
	}
}
push @of_rows, map { [ "$_ with a column that nobody fills", "ALTER TABLE $_ ADD COLUMN tenant text NOT NULL DEFAULT 'x'; ALTER TABLE $_ ALTER COLUMN tenant DROP DEFAULT", "$_.tenant takes no null" ] }
  grep { /^public/ && !/"(Account|ChallengeInstance|Session|VerificationToken)"/ } @tables;
is(faults($warm, @of_rows), '', scalar(@of_rows) . ' alterations that keep rows out: the same');
is(sql(q{BEGIN; ALTER TABLE "GroupPoints" ADD COLUMN tenant text NOT NULL DEFAULT 'x', ADD COLUMN number integer GENERATED ALWAYS AS IDENTITY, ADD COLUMN twice integer NOT NULL GENERATED ALWAYS AS (2 * points) STORED;
	ALTER TABLE "User" ADD COLUMN tenant text NOT NULL DEFAULT 'x'; ALTER TABLE "User" ALTER COLUMN tenant DROP DEFAULT;
	ALTER TABLE "ChallengeInstance" ADD COLUMN tenant text NOT NULL DEFAULT 'x'; ALTER TABLE "ChallengeInstance" ALTER COLUMN tenant DROP DEFAULT;
	CREATE FUNCTION testing.fill_tenant() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN new.tenant = 'x'; RETURN new; END $$;
	CREATE TRIGGER tenant BEFORE INSERT ON "User" FOR EACH ROW EXECUTE FUNCTION testing.fill_tenant(); SELECT * FROM edurange.shape_faults()}),
	'', 'a column that is filled is none of them, nor one of a table into which nothing of ours writes new rows');

# The same without a warm plan: each in a session of its own.
my $fresh = sub { return sql("SET client_min_messages = error; $_[0]") };
my @picked = (shuffle(@of_tables, @of_columns))[ 0 .. ($ENV{EDURANGE_LONG} ? 300 : 30) ];
is(join('', map { faults($fresh, $_) } @picked), '', scalar(@picked) . ' of them in fresh sessions: the same');

# Committed by somebody else under a session that lives.
my $live = $node->background_psql('edurange', on_error_stop => 0);
my $other = $node->background_psql('edurange');
my $add = q{SELECT points FROM edurange.add_points('ada', 'g', 1)};
my $attempt = q{SELECT "isCorrect" FROM edurange.attempt_question('ada', 'q2', 'gc', 'b')};
my @under_live = (
	[ $add, 'ALTER TABLE public."GroupPoints" ALTER COLUMN points TYPE %s', 'integer', 'double precision', 'public."GroupPoints".points' ],
	[ $add, 'ALTER TABLE edurange.points_ledger ALTER COLUMN delta TYPE %s', 'bigint', 'numeric', 'edurange.points_ledger.delta' ],
	[ $add, 'ALTER TABLE edurange.standing ALTER COLUMN seq TYPE %s', 'bigint', 'integer', 'edurange.standing.seq' ],
	[ $add, 'ALTER TABLE public."GroupPoints" RENAME COLUMN %s', 'p TO points', 'points TO p', 'public."GroupPoints".points' ],
	[ $add, 'ALTER TABLE public."GroupPoints" ALTER COLUMN "userId" %s NOT NULL', 'SET', 'DROP', 'public."GroupPoints"."userId"' ],
	[ $attempt, 'ALTER TABLE public."QuestionAttempt" ALTER COLUMN "attemptedAt" TYPE %s', 'timestamp(3)', 'timestamptz', 'public."QuestionAttempt"."attemptedAt"' ],
	[ $attempt, 'ALTER TABLE public."QuestionAttempt" %s ROW LEVEL SECURITY', 'DISABLE', 'ENABLE', 'public."QuestionAttempt"' ]);
for (@under_live)
{
	my ($call, $statement, $right, $wrong, $named) = @$_;

	$live->query($call);
	$live->{stderr} = '';
	$other->query_safe(sprintf($statement, $wrong));
	$live->query($call);
	like($live->{stderr}, qr/ERROR:  .*\Q$named\E/, sprintf("live: $statement", $wrong));
	$other->query_safe(sprintf($statement, $right));
	$live->{stderr} = '';
	isnt($live->query($call), '', 'and back');
	is($live->{stderr}, '', 'without an error');
}
$live->quit;
$other->quit;
is(sql('SELECT count(*) FROM edurange.check_invariants()'), '0', 'every invariant holds');
like(sql('SELECT string_agg(delta::text, NULL) FROM (SELECT delta FROM edurange.points_ledger WHERE kind = \'add\') AS l'), qr/^51{10}$/, 'what was added is there once');

# A plan by key that is made anew in the middle of an execution, because the table was altered while that waited
# for its lock, still goes by the key, however small the table is.
{
	my $scans = q{SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'GroupPoints'};
	my $holder = $node->background_psql('edurange');
	my $get = q{SELECT edurange.get_points('ada', 'g')};

	$holder->query_safe('SELECT pg_advisory_lock(1)');
	my $before = sql($scans);
	my $waiter = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('edurange'),
		map({ ('-c', $_) } $get, 'SELECT pg_advisory_lock(1)', $get, $get, 'SELECT pg_stat_force_next_flush()') ], '>', \my $out, '2>', \my $err);
	$node->poll_query_until('edurange', q{SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted}) or die 'nobody waits';
	$holder->query_safe('BEGIN; LOCK TABLE public."GroupPoints" IN ACCESS EXCLUSIVE MODE; SELECT pg_advisory_unlock(1)');
	$node->poll_query_until('edurange', q{SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'relation' AND NOT granted}) or die 'nobody waits';
	$holder->query_safe('ALTER TABLE public."GroupPoints" SET (fillfactor = 90); COMMIT');
	$waiter->finish;
	$holder->quit;
	is($err, '', 'a call waits for who alters its table');
	is(sql($scans), $before, 'and finds its rows by key then');
}

# A trigger of somebody's that lets no row through is named, and nothing is taken for done.
my %quiet = map { $_ => 1 } (
	# what a pass does not write it finds again in the next one
	map({ ("sync_apply $_") } 'public."ChallengeInstance" UPDATE', 'public."ChallengeInstance" INSERT', 'public."ActivityLog" INSERT'),
	# what PostgreSQL deletes itself, as the keys say, with the row that a statement of ours deletes
	'delete_competition public."CompetitionAccessCode" DELETE',
	map({ ("remove_competition_challenge $_ DELETE") } 'public."QuestionAttempt"', 'public."QuestionCompletion"'),
	# what cannot be deleted is retired; and what is not moved is in the way, which is an error
	'cdf_update public."ChallengeQuestion" DELETE', 'cdf_update public."ChallengeQuestion" UPDATE');
# Where nobody but us can hang a trigger.
my $ours = qr/ edurange\.(active_cdf_schema|challenge_type|pack_manifest|roster|sync_state|sync_watch|token) /;
my @triggers = split /\n/, sql(q{
	SELECT written, name FROM testing.calls, LATERAL unnest(string_to_array(testing.written(call), ',')) AS w (written)
	WHERE name NOT LIKE 'direct%' ORDER BY 1, 2});
my @silent;
for (@triggers)
{
	my ($table, $operation, $name) = /^(.*) (\w+)\|(.*)$/;
	my $answer = sql(qq{SELECT (a).code || ' ' || (a).answer FROM unnest(testing.under(
		\$\$CREATE TRIGGER aaa BEFORE $operation ON $table FOR EACH ROW EXECUTE FUNCTION testing.nothing()\$\$, ARRAY[\$\$$name\$\$])) AS a WHERE (a).name = \$\$$name\$\$});

	push @silent, "$name $table $operation: $answer"
		unless $answer =~ /^RG902 .*trigger/ || $quiet{"$name $table $operation"} || " $table " =~ $ours;
}
is(join("\n", @silent), '', scalar(@triggers) . ' triggers that let no row through: each is named');

# One that has rows name what is not there: the keys are checked, as for anybody's insert.
sql(q{INSERT INTO "_GroupMembers" ("A", "B") VALUES ('h', 'bob')});
sql(q{CREATE FUNCTION testing.elsewhere() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN new := jsonb_populate_record(new, jsonb_build_object(tg_argv[0], 'nowhere')); RETURN new; END $$});
for (
	[ 'public."QuestionAttempt"', 'userId', $attempt ], [ 'public."QuestionAttempt"', 'questionId', $attempt ],
	[ 'public."QuestionCompletion"', 'groupChallengeId', q{SELECT edurange.attempt_question('ada', 'q2', 'gc', 'a')} ],
	[ 'public."ActivityLog"', 'userId', $attempt ], [ 'public."GroupPoints"', 'userId', q{SELECT edurange.add_points('bob', 'h', 1)} ],
	[ 'public."QuestionCompletion"', 'userId', q{SELECT edurange.grade_question('g', 'ada', 'q2', 5)} ])
{
	my ($table, $column, $call) = @$_;

	sql("CREATE TRIGGER elsewhere BEFORE INSERT ON $table FOR EACH ROW EXECUTE FUNCTION testing.elsewhere('$column')");
	my ($code, undef, $error) = $node->psql('edurange', "\\set VERBOSITY verbose\n$call");
	like($error, qr/ERROR:  23503: /, "a trigger on $table that changes $column: the key is checked");
	sql("DROP TRIGGER elsewhere ON $table");
}

# Adoption refuses what functions would then stumble over.
$node->safe_psql('postgres', 'CREATE DATABASE adopted');
$node->safe_psql('adopted', q{CREATE EXTENSION edurange; DO $$ BEGIN EXECUTE (SELECT sql FROM edurange.migration_source() WHERE number = 1); END $$;
	ALTER TABLE "QuestionCompletion" ALTER COLUMN "pointsEarned" DROP NOT NULL});
like(($node->psql('adopted', 'SELECT edurange.migrate()'))[2], qr/ERROR:  public\."QuestionCompletion"\."pointsEarned" may be null/, 'a column that may be null is not adopted');
$node->safe_psql('adopted', 'ALTER TABLE "QuestionCompletion" ALTER COLUMN "pointsEarned" SET NOT NULL; SELECT edurange.migrate()');
is($node->safe_psql('adopted', 'SELECT ready FROM edurange.readiness()'), 't', 'put right, it is');

is(sql('SELECT pg_postmaster_start_time()'), $started, 'the server has not been restarted');
is(sql('SELECT count(*) FROM edurange.check_invariants()'), '0', 'every invariant holds');
is(sql('SELECT ready FROM edurange.readiness()'), 't', 'and everything is in place');
done_testing();
