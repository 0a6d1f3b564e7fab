# Every function is bounded: under its worst legal input it ends within half a second of statement_timeout, and its
# session takes no more than 64 MB for it (packs and lists of pods aside, which are larger than that themselves).  What
# is ended so is let run to its end, too, unless it is listed as one that takes for ever.
#
# The functions come from the catalogue.  One that is not listed below gets long texts, long lists and large numbers;
# a new one is so tried, too.  What is listed must do what it is asked, unless it is listed as refused: a call that ends
# in an error has shown little.

use strict;
use warnings;

use Edurange::Cluster;
use List::Util qw(max min);
use POSIX ();
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $node = Edurange::Cluster->new_ready('bounded',
	conf => "fsync = off\nlog_statement = none\nlog_min_messages = log\nlog_min_error_statement = panic\nlogging_collector = off\n");

sub sql { return $node->safe_psql('edurange', $_[0]) }

# A challenge with a large key, a competition with a long past and a large class that answered alike, and packs.
sql(q{
	INSERT INTO "User" (id, email) SELECT 'u' || n, n FROM generate_series(1, 20000) n;
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('g', 'G', '2020-01-01');
	INSERT INTO "_GroupMembers" ("A", "B") SELECT 'g', id FROM "User";
	SELECT edurange.cdf_import(jsonb_build_object('metadata', '{"id": "ch", "name": "C", "version": "1.0.0", "challenge_type": "web"}'::jsonb,
		'components', jsonb_build_array(jsonb_build_object('type', 'question', 'id', 'q', 'config', jsonb_build_object('type', 'checkboxes', 'text', '?',
			'points', 1, 'options', (SELECT jsonb_agg('c' || n) FROM generate_series(1, 3000) n), 'answer', (SELECT jsonb_agg('c' || n) FROM generate_series(2101, 3000) n)))))::text);
	UPDATE "ChallengeQuestion" SET id = cdf_question_id;
	INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId") VALUES ('gc', 1, 'ch', 'g');
	SELECT count(*) FROM generate_series(1, 5) n, "User" u, edurange.add_points(u.id, 'g', n);
	INSERT INTO "Challenge" (id, name, "challengeTypeId") SELECT 'tried', 'T', id FROM "ChallengeType" LIMIT 1;
	INSERT INTO "ChallengeQuestion" (id, "challengeId", content, type, points, answer, "order") VALUES ('tried', 'tried', '?', 'text', 1, 'a1', 1);
	INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId") VALUES ('tried', 1, 'tried', 'g');
	INSERT INTO "QuestionAttempt" (id, "userId", "questionId", "groupChallengeId", answer, "isCorrect")
	SELECT 'u' || n || '-' || i, 'u' || n, 'tried', 'tried', 'a' || n / 100 || '-' || i, false FROM generate_series(1, 20000) n, generate_series(1, 5) i;
	INSERT INTO "QuestionAttempt" (id, "userId", "questionId", "groupChallengeId", answer, "isCorrect")
	SELECT 'all-' || n, 'u' || n, 'tried', 'tried', 'all', false FROM generate_series(1, 20000) n;
	-- the same once more, which no call of the first part takes away
	INSERT INTO "Challenge" (id, name, "challengeTypeId") SELECT 'ended', 'E', id FROM "ChallengeType" LIMIT 1;
	INSERT INTO "ChallengeQuestion" (id, "challengeId", content, type, points, answer, "order") VALUES ('ended', 'ended', '?', 'text', 1, 'a1', 1);
	INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId") VALUES ('ended', 1, 'ended', 'g');
	INSERT INTO "QuestionAttempt" (id, "userId", "questionId", "groupChallengeId", answer, "isCorrect")
	SELECT 'ended-' || id, "userId", 'ended', 'ended', answer, false FROM "QuestionAttempt" WHERE "questionId" = 'tried';
	CREATE SCHEMA testing;
	-- so many characters of four bytes, which no compression makes less
	CREATE FUNCTION testing.noise(n integer) RETURNS text LANGUAGE sql AS $$
		SELECT string_agg(chr(131072 + (random() * 40000)::integer), '') FROM generate_series(1, n) $$;
	-- lists, each of more than a page, with the longest texts that somebody can have put there
	INSERT INTO "CompetitionGroup" (id, name, description, "startDate", "createdAt")
	SELECT 'list' || n, testing.noise(255), testing.noise(15000), '2020-01-01', localtimestamp - n * interval '1 s' FROM generate_series(1, 501) n;
	INSERT INTO "_GroupMembers" ("A", "B") SELECT 'list1', 'u' || n FROM generate_series(1, 501) n;
	INSERT INTO "_GroupInstructors" ("A", "B") SELECT 'list' || n, 'u1' FROM generate_series(1, 501) n;
	UPDATE "User" SET name = testing.noise(255) FROM generate_series(1, 501) n WHERE id = 'u' || n;
	SELECT count(*) FROM generate_series(0, 10000) n, testing.noise(1000) AS reason, edurange.add_points('u' || 1 + n % 501, 'list1', 1, reason);
	INSERT INTO "Challenge" (id, name, description, "challengeTypeId")
	SELECT 'list' || n, testing.noise(255), d, t.id FROM generate_series(1, 501) n, (SELECT id FROM "ChallengeType" LIMIT 1) t, testing.noise(250000) d;
	INSERT INTO "ChallengeQuestion" (id, "challengeId", content, type, points, answer, "order") VALUES ('list', 'list1', '?', 'text', 1, 'a', 1);
	INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId") VALUES ('list', 1, 'list1', 'list1');
	INSERT INTO "QuestionAttempt" (id, "userId", "questionId", "groupChallengeId", answer, "isCorrect", "attemptedAt")
	SELECT 'list' || n, 'u1', 'list', 'list', a, false, localtimestamp - n * interval '1 s' FROM generate_series(1, 501) n, testing.noise(15000) a;
	INSERT INTO "ActivityLog" (id, "eventType", "userId", "groupId", metadata)
	SELECT 'list' || n, 'GROUP_JOINED', 'u1', 'list1', jsonb_build_object('a', m) FROM generate_series(1, 501) n, testing.noise(4000) m;
	INSERT INTO "CompetitionAccessCode" (id, code, "groupId", "createdBy") SELECT 'list' || n, testing.noise(255), 'list1', 'u1' FROM generate_series(1, 501) n;
	INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, flag, "flagSecretName", "competitionId")
	SELECT 'list' || n, 'list1', 'u' || n, testing.noise(255), 'ACTIVE', testing.noise(255), 's', 'list1' FROM generate_series(1, 501) n;
	INSERT INTO edurange.participation SELECT 'list1', 'u' || n, NULL, false, false, testing.noise(1000), 'x', now() FROM generate_series(1, 501) n;
	INSERT INTO edurange.grade_change SELECT 'list' || n, 'list1', 'list', 'list', 'rejudged', testing.noise(1000), 'x', NULL, now() FROM generate_series(1, 501) n;
	INSERT INTO edurange.roster SELECT 'list1', n || '@x', testing.noise(255), testing.noise(255), testing.noise(255), testing.noise(255), NULL, 'c' || n, n, now()
	FROM generate_series(1, 501) n;
	-- many questions that begin alike, under which somebody has a long name
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('wide', 'W', '2020-01-01');
	INSERT INTO "Challenge" (id, name, "challengeTypeId") SELECT 'wide', repeat('Current Score', 20000), id FROM "ChallengeType" LIMIT 1;
	INSERT INTO "ChallengeQuestion" (id, "challengeId", content, type, points, answer, "order")
	SELECT 'wide' || n, 'wide', repeat('the same ', 20) || n, 'text', 1, 'a', n FROM generate_series(1, 5000) n;
	INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId") VALUES ('wide', 1, 'wide', 'wide');
	INSERT INTO "_GroupMembers" ("A", "B") SELECT 'wide', 'u' || n FROM generate_series(1, 30) n;
	ALTER ROLE CURRENT_USER SET edurange.attempt_limit = 0;
	CREATE TYPE testing.many AS (list integer[], said text, document jsonb);
	CREATE FUNCTION testing.document(components text) RETURNS text LANGUAGE sql AS $$
		SELECT '{"metadata": {"id": "ch", "name": "C", "version": "1.0.0", "challenge_type": "web"}, "components": ' || components || '}' $$;
	-- so many copies of a text, with commas between
	CREATE FUNCTION testing.listed(part text, n integer) RETURNS text LANGUAGE sql AS $$ SELECT '[' || repeat(part || ',', n - 1) || part || ']' $$});

my $long = q{repeat('x', 65536)};
my $numbers = q{'[' || repeat('1e131000,', 999) || '1]'};
my $question = q{{"type": "question", "id": "q", "config": {"type": "checkboxes", "text": "?", "points": 1, "options": ["a"], "answer": ["a"]}}};
my @documents = (
	qq{testing.document(testing.listed('{}', 19000))},
	qq{testing.document(testing.listed('$question', 1600))},
	qq{testing.document(testing.listed('1e131000', 19000))},
	qq{testing.document(repeat('[', 3000) || repeat(']', 3000))},
	qq{testing.document('[' || replace('$question', '?', repeat('{{A}} ', 150000)) || ']')},
	q{testing.document('[' || replace(replace('} . $question . q{', '"options": ["a"]', '"options": ' || testing.listed('"a"', 9000)), '"answer": ["a"]', '"answer": ' || testing.listed('"b"', 9000)) || ']')},
	# the longest list of options, and the largest set of the last of them
	q{testing.document('[' || replace(replace('} . $question . q{', '"options": ["a"]', '"options": ' || (SELECT jsonb_agg('c' || n) FROM generate_series(1, 19000) n)::text),
		'"answer": ["a"]', '"answer": ' || (SELECT jsonb_agg('c' || n) FROM generate_series(18101, 19000) n)::text) || ']')},
	qq{'{"metadata": {"id": "' || repeat('x', 1000000) || '"}}'},
	# keys that are given twice below a key that is long, and below many
	q{'{"' || repeat('k', 900000) || '": {' || (SELECT string_agg(format('"a%s": 1, "a%s": 1', n, n), ',') FROM generate_series(1, 2000) n) || '}}'},
	q{testing.document(repeat('{"' || repeat('k', 200) || '": [', 3000) || '{' || (SELECT string_agg(format('"a%s": 1, "a%s": 1', n, n), ',') FROM generate_series(1, 6000) n) || '}' || repeat(']}', 3000))},
	# options of nothing but accents
	map { qq{testing.document('[' || replace('$question', '["a"]', testing.listed('"' || $_ || '"', 1000000 / octet_length($_) / 2)) || ']')} }
	  map { qq{(repeat(E'\\u0344', $_) || repeat(E'\\u0323', $_))} } 500, 2500, 100000);
my @schemas = (
	# every reference doubles what is asked
	q{(SELECT jsonb_build_object('$ref', '#/definitions/d0', 'definitions', jsonb_object_agg('d' || i, CASE i WHEN 100 THEN '{}' ELSE
		jsonb_build_object('allOf', jsonb_build_array(jsonb_build_object('$ref', '#/definitions/d' || i + 1), jsonb_build_object('$ref', '#/definitions/d' || i + 1))) END))
		FROM generate_series(0, 100) i), '1'},
	q{'{"pattern": "^(.+)(.+)(.+)(.+)\\\\4\\\\3\\\\2\\\\1$"}', to_jsonb((SELECT string_agg(md5(i::text), '') FROM generate_series(1, 2000) i))},
	q{'{"pattern": "(a+)+$"}', to_jsonb(repeat('a', 1000000) || 'b')},
	q{'{"pattern": "(?=(a|b)*c)(?=.*d)x"}', to_jsonb(repeat('ab', 500000))},
	q{'{"pattern": "((((a{1,255}){1,255}){1,255}){1,255}){1,255}"}', '"a"'},
	q{'{"pattern": "^(([a-z]{1,250}|[0-9a-f]{1,250}){1,250}){1,9}$"}', to_jsonb(repeat('a', 1000000))},
	q{'{"uniqueItems": true}', (SELECT jsonb_agg(1) FROM generate_series(1, 500000))},
	q{'{"uniqueItems": true}', (SELECT jsonb_agg(i) FROM generate_series(1, 500000) i)},
	q{'{"items": {"multipleOf": 1e-300}}', (SELECT jsonb_agg(to_jsonb(1e131000 + i)) FROM generate_series(1, 10) i)},
	q{jsonb_build_object('multipleOf', repeat('7', 60000)::numeric), to_jsonb(repeat('8', 131000)::numeric)},
	q{'{"items": {"minimum": 1e131000}}', ('[' || repeat('1e131000,', 100000) || '1]')::jsonb},
	q{'{"uniqueItems": true}', ('[' || repeat('null,', 1999999) || 'null]')::jsonb},
	q{('{"enum": [' || repeat('null,', 1999999) || 'null]}')::jsonb, '1'},
	q{(SELECT jsonb_build_object('required', jsonb_agg(i::text)) FROM generate_series(100000, 899999) i), '{}'},
	q{(SELECT jsonb_build_object('patternProperties', jsonb_object_agg('p' || i, true)) FROM generate_series(1, 400000) i), '1'},
	q{(SELECT jsonb_build_object('allOf', jsonb_agg(jsonb_build_object('pattern', '(a{1,255}){1,39}' || i))) FROM generate_series(1, 50000) i), '1'},
	q{('{"allOf": [' || repeat('{"type": "null"},', 250000) || 'true]}')::jsonb, '1'},
	q{jsonb_build_object('items', jsonb_build_object('required', ARRAY[repeat('k', 1000000)])), ('[' || repeat('{},', 999999) || '{}]')::jsonb},
	q{'{"additionalProperties": {"items": false}}', jsonb_build_object(repeat('k', 1000000), ('[' || repeat('1,', 300000) || '1]')::jsonb)},
	q{'{"items": {"format": "regex"}}', ('[' || repeat('"(",', 900000) || '"("]')::jsonb, formats => true},
	q{'{"format": "regex"}', to_jsonb(repeat('a', 8000000)), formats => true},
	q{'{"format": "regex"}', to_jsonb(repeat('(?:', 2000) || repeat('a', 300000) || repeat('){1,1}', 2000)), formats => true},
	q{'{"format": "regex"}', to_jsonb((SELECT string_agg('(?<' || repeat('n', 9900) || i || '>a)', '') || '\1' FROM generate_series(100, 199) i)), formats => true},
	q{'{"format": "uri"}', to_jsonb(repeat('%41', 1000000)), formats => true},
	q{'{"format": "email"}', to_jsonb(repeat('a.', 1000000) || '@x'), formats => true},
	q{'{"format": "hostname"}', to_jsonb(repeat('a.', 1000000)), formats => true},
	q{'{"format": "regex"}', to_jsonb(repeat('(a{1,200}|', 5000) || repeat(')', 5000)), formats => true});

# 30 million elements, each of which would be a word of memory, and texts that are longer than any answer, or as long.
my @rows = (
	q{ROW(array_fill(NULL::integer, ARRAY[30000000]), NULL, NULL)::testing.many}, q{ROW(array_fill(NULL::integer, ARRAY[3000000]), NULL, NULL)::testing.many},
	q{ROW(NULL, repeat('x', 30000000), NULL)::testing.many}, q{ROW(NULL, repeat('x', 16000000), NULL)::testing.many},
	q{ROW(NULL, NULL, (SELECT jsonb_agg(NULL::text) FROM generate_series(1, 2500000)))::testing.many});

my %worst = (
	attempt_question => [
		qq{'u1', 'q', 'gc', $numbers}, q{'u2', 'q', 'gc', testing.listed('"c0"', 1000)}, qq{'u3', 'q', 'gc', '[' || repeat('[', 30000)},
		qq{'u3', 'q', 'gc', $long}, q{'u3', 'q', 'gc', testing.listed('1', 30000)},
		q{'u3', 'q', 'gc', testing.listed('"' || repeat(E'\\u0344', 500) || repeat(E'\\u0323', 500) || '"', 30)}, q{'u3', 'q', 'gc', testing.listed('"' || repeat(E'\\u0344', 2500) || repeat(E'\\u0323', 2500) || '"', 6)} ],
	join_competition => [ map { qq{repeat(E'\\u0344', $_) || repeat(E'\\u0323', $_), 'u1'} } 500, 2500 ],
	log_activity => [
		q{'USER_UPDATED', 'u1', metadata => testing.listed('{}', 900)}, q{'USER_UPDATED', 'u1', metadata => repeat('[', 900) || repeat(']', 900)},
		q{'USER_UPDATED', 'u1', metadata => testing.listed('1e131000', 900)}, q{'USER_UPDATED', 'u1', metadata => testing.listed('{"a":1e-16000}', 450)},
		q{'USER_UPDATED', 'u1', metadata => '"' || repeat('\u0001', 2700) || '"'}, qq{$long, $long, $long},
		q{'USER_UPDATED', 'u1', metadata => repeat('[', 8000) || repeat(']', 8000)} ],
	cdf_import => \@documents,
	cdf_validate => \@documents,
	cdf_update => [ map { "'ch', $_" } @documents ],
	json_schema_validate => \@schemas,
	set_cdf_schema => [
		map({ s/\}', .*/}', 's'/sr } grep { /^'\{"pattern/ } @schemas),
		q{(SELECT jsonb_build_object('allOf', jsonb_agg(jsonb_build_object('pattern', '(a{1,255}){1,255}' || i))) FROM generate_series(1, 5000) i), 's'},
		q{('{"enum": ' || testing.listed('1e131000', 60000) || '}')::jsonb, 's'} ],
	version_satisfies => [
		q{repeat('1', 60000), '^1'}, q{'1.0.0', repeat('>=1.0.0 <2.0.0 || ', 3000) || '3'}, q{'1.0.0-' || repeat('a.', 30000) || 'a', '1'},
		q{'1.0.0', repeat('>=1.0.0 <2.0.0 || ', 25000000) || '3'}, q{repeat('1', 250000000), '^1'} ],
	wire => \@rows,
	wire_piece => \@rows,
	users => [ q{NULL, 500}, q{'', 500} ],
	competitions => [ '500', q{500, NULL, ROW(NULL, NULL, NULL, 'u1')::edurange.caller} ],
	access_codes => [ q{'list1', 500} ],
	challenge_instances => [ q{NULL, NULL, NULL, 500}, q{'u1', NULL, NULL, 500}, q{NULL, 'list1', NULL, 500}, q{NULL, NULL, 'ACTIVE', 500} ],
	roster => [ q{'list1', 500} ],
	participation => [ q{'list1', 500} ],
	grade_changes => [ q{'list1', 500} ],
	activity => [ q{NULL, NULL, NULL, 500}, q{'list1', NULL, NULL, 500}, q{NULL, 'u1', NULL, 500}, q{'list1', NULL, 'GROUP_JOINED', 500} ],
	leaderboard => [ q{'g', 10000}, q{'g', 10000, at => now() - interval '1 s'}, q{'g', 1, 2000000000} ],
	outcomes => [
		q{'get_points', (SELECT array_agg(a) FROM generate_series(1, 50000), unnest(ARRAY['u1', 'g', NULL, NULL, NULL]) AS a)},
		q{'get_points', array_fill(NULL::text, ARRAY[1000000])}, q{'get_points', array_fill(NULL::text, ARRAY[134217725])},
		q{'attempt_question', (SELECT array_agg(a) FROM generate_series(1, 64), unnest(ARRAY['u1', 'q', 'gc', } . $numbers . q{, NULL, NULL, NULL, NULL, NULL]) AS a)} ],
	create_competition => [ q{'n', now(), (SELECT array_agg(id) FROM (SELECT id FROM "User" LIMIT 4000) u)}, qq{$long, now(), ARRAY[$long], $long} ],
	pack_install => [
		q{(SELECT jsonb_build_object('id', 'p', 'name', 'P', 'version', '1.0.0', 'challenges', jsonb_agg('f' || n))::text FROM generate_series(1, 20000) n),
			(SELECT array_agg('f' || n) FROM generate_series(1, 20000) n), (SELECT array_agg('{}'::text) FROM generate_series(1, 20000))},
		qq{'{"id": "p", "name": "P", "version": "1.0.0", "challenges": ["a"]}', '{a}', ARRAY[$documents[1]]},
		q{'{"id": "p", "name": "P", "version": "1.0.0", "challenges": ["a"]}', ARRAY[repeat(E'\\u0344', 20000) || repeat(E'\\u0323', 20000)], '{1}'} ],
	pack_parts => [ q{'{"manifest": {}, "challenges": ' || testing.listed('{"metadata": {"id": "x"}}', 300000) || '}'}, q{'{"manifest": ' || testing.listed('1', 10000000) || '}'} ],
	sync_apply => [ q{jsonb_build_object('challenge_pods', (SELECT jsonb_agg(jsonb_build_object('name', 'p' || n, 'status', 'ACTIVE')) FROM generate_series(1, 100000) n)), now()} ],
	sync_apply_list => [ q{'{"challenge_pods": ' || testing.listed('{"name": "p", "status": "ACTIVE"}', 200000) || '}', now()}, q!'{"challenge_pods": [' || repeat('[', 2000000), now()! ],
	points_history => [ q{'u1', 'g', 1000} ],
	gradebook => [ q{'g', 'question'}, q{'g', 'question', at => now() - interval '1 s'} ],
	gradebook_file => [ q{'g', 'csv', 'question'}, q{'g', 'canvas', 'question'}, q{'g', 'moodle', 'question', at => now() - interval '1 s'}, q{'wide', 'canvas', 'question'} ],
	question_statistics => [ q{'g'} ],
	timeline => [ q{'g', 100} ],
	integrity_findings => [ q{'g', 2147483647, 1, 100} ],
	rejudge => [ q{'g', 'tried', true}, q{'g', 'tried', false} ],
	accept_answer => [ q{'g', 'tried', 'a7-1'}, qq{'g', 'tried', $long} ],
	reprice => [ q{'g', 'tried'} ],
	grade_question => [ q{'g', 'u1', 'tried', 1} ],
	events => [ q{'g', NULL, 10000}, q{'list1', NULL, 10000}, qq{'g', $long, 10000} ],
	feed_state => [ q{'g'} ],
	board_state => [ q{'g', true}, qq{'g', true, $long} ],
	members => [ q{'g', 500}, q{'list1', 500}, qq{'g', 500, $long} ],
	attempts => [
		q{'g', NULL, NULL, 500}, q{'list1', NULL, NULL, 500}, q{'list1', 'u1', NULL, 500}, q{'list1', NULL, 'list', 500}, q{'list1', 'u1', 'list', 500},
		qq{'g', NULL, NULL, 500, $long} ],
	delete_competition => [ q{'g', 'G'} ],
	remove_competition_challenge => [ q{'g', 'tried', true} ],
	set_challenge_points => [ q{'g', 'tried', 2147483647, true} ],
	set_instructors => [ q{'g', (SELECT array_agg(id) FROM (SELECT id FROM "User" LIMIT 4000) u)}, q{'g', (SELECT array_agg('u1'::text) FROM generate_series(1, 8000))} ],
	import_roster => [
		q{'g', 'email,name' || (SELECT string_agg(E'\\nx' || n || '@example.org,' || repeat('n', 180), '') FROM generate_series(1, 9999) n)},
		q{'g', 'email,name' || (SELECT string_agg(E'\\nx' || n || '@example.org,' || repeat('n', 180), '') FROM generate_series(1, 9999) n), make_users => true},
		q{'g', E'email\\n' || repeat('"', 2000000)}, q{'g', E'email\\n' || repeat(E'"""\\n', 500000)}, q{'g', E'email\\n' || repeat(E',\\n', 1000000)},
		q{'g', 'email' || repeat(E'\\n,"" ', 9999)} ],
	migrate => [ 'dry_run => true' ],
	challenge_list => [ q{limit => 500}, q{group_id => 'list1', limit => 500}, qq{search => repeat('%_', 30000)}, qq{cursor => $long} ]);

# What is larger than 64 MB by itself.
my %is_large = map { $_ => 1 } qw(pack_install pack_update pack_parts sync_apply sync_apply_list outcomes);

# What takes minutes, or for ever, and is not let end.
my %endless = map { $_ => 1 } 'accept_answer 2', 'gradebook_file 3', 'integrity_findings 1', 'json_schema_validate 4';
my $end_seconds = 60;

# What is refused, which may take long to find out.
my $is_large = qr/ERROR:  parameter "\w+" has more than \d+ |ERROR:  the answer would have more than 16 MiB/;
my $is_no_document = qr/ERROR:  document (?:is not a valid challenge definition|holds a number that is out of range)/;
my $is_no_pattern = qr/ERROR:  pattern .* cannot be used: its quantifiers are too large/;
my %refused = (
	(map { ("cdf_import $_" => $is_no_document, "cdf_update $_" => $is_no_document) } 1 .. 4, 6, 8 .. 10),
	(map { ($_ => $is_large) } 'create_competition 2', 'import_roster 4', 'log_activity 6', 'log_activity 7', 'outcomes 3', 'version_satisfies 4', 'version_satisfies 5',
		map { ("$_ 1", "$_ 3") } qw(wire wire_piece)),
	(map { ("join_competition $_" => qr/ERROR:  parameter "code" must consist of 1 to 20 letters/) } 1, 2),
	(map { ("json_schema_validate $_" => qr/ERROR:  schema takes more than 32 MiB of memory/) } 14 .. 17),
	(map { ($_ => $is_no_pattern) } 'json_schema_validate 5', 'json_schema_validate 6', 'set_cdf_schema 4', 'set_cdf_schema 5', 'set_cdf_schema 6'),
	'attempts 6' => qr/ERROR:  parameter "cursor" must be/,
	'cdf_validate 3' => $is_no_document,
	'events 3' => qr/ERROR:  parameter "since_token" must be/,
	'json_schema_validate 1' => qr/ERROR:  schema needs more than \d+ steps/,
	'json_schema_validate 2' => qr/ERROR:  a pattern needs more than \d+ steps/,
	'json_schema_validate 10' => qr/ERROR:  schema has a "multipleOf" of more digits/,
	'pack_install 1' => qr/ERROR:  the pack breaks the rules/,
	'pack_install 2' => qr/ERROR:  the pack breaks the rules/,
	'pack_install 3' => qr/ERROR:  the pack breaks the rules/,
	'pack_parts 1' => qr/ERROR:  parameter "challenges" has more documents/,
	'pack_parts 2' => qr/ERROR:  parameter "manifest" must be an object/,
	'set_cdf_schema 7' => qr/ERROR:  parameter "schema" holds a number that is out of range/,
	'sync_apply_list 2' => qr/ERROR:  parameter "list" must not be nested so deeply/,
	'version_satisfies 1' => qr/ERROR:  parameter "version" must be a semantic version/,
);

# What an argument is given of which nothing is known.
my %any = (text => $long, integer => '500', bigint => '1000', boolean => 'false', jsonb => q{'{}'}, 'text[]' => q{ARRAY[repeat('x', 60000)]}, bytea => q{'\x00'},
	'timestamp with time zone' => 'now()', 'double precision' => '1', anyelement => $long, record => $long,
	'edurange.caller' => q{ROW(repeat('x', 20000), NULL, NULL, NULL)::edurange.caller});

my @functions = map { [ split /\|/, $_, -1 ] } split /\n/, sql(q{
	SELECT proname, (SELECT string_agg(format_type(t, NULL), ';' ORDER BY n) FROM unnest(proargtypes) WITH ORDINALITY AS a (t, n)),
		array_to_string(proargnames[:pronargs], ';') FROM pg_proc WHERE pronamespace = 'edurange'::regnamespace AND prokind = 'f' AND prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
	AND proname NOT LIKE 'planted%' ORDER BY 1});
cmp_ok(scalar @functions, '>', 50, 'there are functions');

# The seconds for which a process had a processor.
sub processor_time
{
	my @fields = split / /, slurp_file("/proc/$_[0]/stat") =~ s/.*\) //sr;

	return ($fields[11] + $fields[12]) / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}

# The most memory that the session has had, in MB.
sub most_memory
{
	my ($pid) = @_;
	my ($kb) = slurp_file("/proc/$pid/status") =~ /^VmHWM:\s+(\d+)/m;
	my ($shared) = slurp_file("/proc/$pid/status") =~ /^RssShmem:\s+(\d+)/m;

	return ($kb - $shared) / 1024;
}

# Calls a function in a session of its own that gives it a tenth of a second, or as long as it takes, and undoes what it
# did, unless that is to stay: seconds beyond that, MB, whether the session can go on, and what was said.  The arguments
# lie in a table: what making them takes is not the function's.
sub call
{
	my ($name, $types, $names, $input, %options) = @_;
	my @types = split /;/, $types;
	my %number;
	@number{ split /;/, $names } = 0 .. $#types;
	my @named = $input =~ /(?:^|, )(\w+) => /g;
	$input =~ s/(^|, )\w+ => /$1/g;
	sql('DROP TABLE IF EXISTS testing.given; CREATE TABLE testing.given AS SELECT * FROM ' . ($input eq '' ? '(SELECT) AS v' : "(VALUES ($input)) AS v"));
	my $given = sql(q{SELECT count(*) FROM pg_attribute WHERE attrelid = 'testing.given'::regclass AND attnum > 0});
	my @arguments = map {
		my $place = $_ - ($given - @named);
		my $argument = $place < 0 ? $_ : $number{ $named[$place] };
		my $value = 'column' . ($_ + 1) . ($types[$argument] =~ /^(?:anyelement|record)$/ ? '' : "::$types[$argument]");
		$place < 0 ? $value : qq{"$named[$place]" => $value};
	} 0 .. $given - 1;

	my $session = $node->background_psql('edurange', on_error_stop => 0);
	my $pid = $session->query_safe('SELECT pg_backend_pid()');
	$session->query_safe(q{SELECT edurange.get_points('u1', 'g'); SET client_min_messages = error});
	$session->query_safe($options{stays} ? 'SELECT' : 'BEGIN');
	$session->query_safe(sprintf 'SET statement_timeout = %d', $options{to_the_end} ? $end_seconds * 1000 : 100);
	my $before = most_memory($pid);
	my $worked = processor_time($pid);
	my $began = time;
	my $said = $session->query('SELECT count(*) FROM testing.given, edurange.' . $name . '(' . join(', ', @arguments) . ') AS result');
	$said .= $session->{stderr} // '';
	# Others use the machine, too: what counts is the time for which it worked, if that was most of the time.
	my $took = min(time - $began, max(processor_time($pid) - $worked, (time - $began) / 20)) - 0.1;
	my $memory = most_memory($pid) - $before;
	# Its time holds for this, too, and on a busy machine a statement may wait longer than that for a processor.
	my $alive = 0;
	for (1 .. 10)
	{
		$session->query('ROLLBACK') unless $options{stays};
		last if $alive = $session->query('SELECT pg_backend_pid()') eq $pid;
	}
	$session->quit;
	return ($took, $memory, $alive, $said);
}

for (@functions)
{
	my ($name, $types, $names) = @$_;
	my @inputs = $worst{$name} ? @{ $worst{$name} } : (join(', ', map { $any{$_} // die "$name: what is a $_?" } split /;/, $types));

	for my $number (0 .. $#inputs)
	{
		my ($took, $memory, $alive, $said);
		my $best = 1e9;

		# others use the machine, too
		for (1 .. 3)
		{
			($took, $memory, $alive, $said) = call($name, $types, $names, $inputs[$number]);
			$best = min($best, $took);
			last if $best <= 0.5;
		}
		my $what = "$name, input " . ($number + 1);
		my $place = "$name " . ($number + 1);
		my $is_ended = $said =~ /statement timeout/;
		(undef, $memory, undef, $said) = call($name, $types, $names, $inputs[$number], to_the_end => 1) if $is_ended && !$endless{$place};
		cmp_ok($best, '<=', 0.5, "$what: it ends") or diag substr($inputs[$number], 0, 300);
		cmp_ok($memory, '<=', 64, "$what: it takes little memory") or diag substr($inputs[$number], 0, 300)
		  unless $is_large{$name};
		ok($alive, "$what: its session lives on");
		next if !$worst{$name} || $is_ended && $endless{$place};
		like($said, $refused{$place} // qr/^[0-9]+$/, "$what: " . ($refused{$place} ? 'it is refused' : 'it does what it is asked'))
		  or diag substr($inputs[$number], 0, 300);
	}
}

# ---- to the end -----------------------------------------------------------------------------------
# What a class of 20,000 gains and loses again, a file of 5,000 columns, and what is said of long keys and lists.
my %function = map { $_->[0] => $_ } @functions;
for my $step (
	[ accept_answer => q{'g', 'ended', 'all'} ],
	[ undo_change => q{'g', (SELECT id FROM edurange.grade_change WHERE group_challenge_id = 'ended')} ],
	[ gradebook_file => q{'wide', 'canvas', 'question'} ],
	(map { [ cdf_validate => $_ ] } grep { /a%s/ } @documents),
	[ json_schema_validate => q{'{"items": {"format": "regex"}}', ('[' || repeat('"(",', 300000) || '"("]')::jsonb, formats => true} ],
	[ json_schema_validate => q{'{"uniqueItems": true}', ('[' || repeat('null,', 1999999) || 'null]')::jsonb} ])
{
	my ($name, $input) = @$step;
	my (undef, $memory, $alive, $said) = call(@{ $function{$name} }, $input, to_the_end => 1, stays => 1);

	# (a file comes in pieces, each a row, as violations do, and an error would be said)
	like($said, $name =~ /^(?:gradebook_file|json_schema_validate)$/ ? qr/^[1-9][0-9]*$/ : qr/^1$/, "$name($input) ends");
	cmp_ok($memory, '<=', 64, 'with little memory');
	ok($alive, 'and its session lives on');
}

done_testing();
