# What somebody hangs on the tables that hold flags, answers and tokens makes nothing of ours tell one: not in
# an error's message, detail, hint or context, and not in the server's log, however much that is to say.

use strict;
use warnings;

use Edurange::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Edurange::Cluster->new_ready('trust_secrets',
	conf => "log_min_messages = debug2\nlog_error_verbosity = verbose\nlog_min_error_statement = debug5\nlog_statement = none\nedurange.attempt_limit = 0\n");

# What is planted stands in literals of ours here, before the log is looked at.
$node->safe_psql('edurange', q{
	INSERT INTO "User" (id, email) VALUES ('ada', 'a'), ('bob', 'b');
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('g', 'G', '2020-01-01');
	INSERT INTO "_GroupMembers" ("A", "B") VALUES ('g', 'ada'), ('g', 'bob');
	CREATE SCHEMA testing;
	CREATE TABLE testing.secret (name text PRIMARY KEY, value text);
	INSERT INTO testing.secret VALUES ('answer', 'planted-answer'), ('wrong', 'planted-wrong'), ('flag', 'planted-flag'), ('key', 'planted-key'),
		('hash', 'edr_planted-token'),
		('document', '{"metadata": {"id": "ch", "name": "C", "version": "1.0.0", "challenge_type": "web"}, "components": [
			{"type": "question", "id": "q1", "config": {"type": "text", "text": "?", "points": 10, "answer": "planted-answer"}},
			{"type": "question", "id": "q2", "config": {"type": "flag", "text": "?", "points": 10, "answer": "planted-placeholder"}}]}'),
		('changed', '{"metadata": {"id": "ch", "name": "C", "version": "1.0.1", "challenge_type": "web"}, "components": [
			{"type": "question", "id": "q1", "config": {"type": "text", "text": "?", "points": 10, "answer": "planted-new"}},
			{"type": "question", "id": "q2", "config": {"type": "flag", "text": "?", "points": 10, "answer": "planted-placeholder"}}]}'),
		('further', 'planted-further'), ('other', 'planted-other'), ('code', 'PLANTED-WAITS'), ('roster', E'email,name\\nwaits@x,W\\nlater@x,L\\nada@x,Ada\\n'),
		('broken', '{"metadata": {"id": "ch"}, "components": [{"type": "question", "config": {"answer": planted-answer}}]}'),
		('invalid', '{"metadata": {"id": "ch"}, "components": [{"type": "question", "id": "q", "config": {"type": "planted-type", "answer": {"planted-answer": 1}}}]}'),
		('pods', '{"challenge_pods": [{"name": "i", "status": "ACTIVE", "webosUrl": "u"}], "secrets": [{"name": "i", "secret_name": "s2", "value": "planted-flag-2"}]}');
	CREATE FUNCTION testing.secret(name text) RETURNS text LANGUAGE sql STABLE AS $$ SELECT value FROM testing.secret s WHERE s.name = secret.name $$;
	SELECT edurange.cdf_import(testing.secret('document'));
	UPDATE "ChallengeQuestion" SET id = cdf_question_id;
	INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId") VALUES ('gc', 60, 'ch', 'g');
	INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, flag, "flagSecretName", "competitionId")
		VALUES ('i', 'ch', 'ada', 'url', 'ACTIVE', testing.secret('flag'), 's', 'g');
	INSERT INTO edurange.token (id, token_sha256, tier, label, created_at, created_by) VALUES ('t', sha256(testing.secret('hash')::bytea), 'player', 't', now(), 'x');
	SELECT edurange.attempt_question('bob', 'q1', 'gc', testing.secret('wrong'), idempotency_key => 'planted-old');
	SELECT edurange.import_roster('g', testing.secret('roster'));
	UPDATE "CompetitionAccessCode" c SET code = upper('planted-' || split_part(r.email, '@', 1)) FROM edurange.roster r WHERE r.code = c.code;
	UPDATE edurange.roster SET code = upper('planted-' || split_part(email, '@', 1)) WHERE code IS NOT NULL;
	SELECT edurange.accept_answer('g', 'q1', testing.secret('further'))});

my %calls = (
	attempt => q{edurange.attempt_question('ada', 'q1', 'gc', testing.secret('wrong'), idempotency_key => testing.secret('key'))},
	'right attempt' => q{edurange.attempt_question('ada', 'q1', 'gc', testing.secret('answer'))},
	'attempt at a flag' => q{edurange.attempt_question('ada', 'q2', 'gc', testing.secret('flag'))},
	'flag of an instance' => q{edurange.update_challenge_instance('i', 'TERMINATING', 's3', testing.secret('flag') || '-3')},
	'flag from the worker' => q{edurange.sync_apply(testing.secret('pods')::jsonb, now())},
	instance => q{edurange.challenge_instance('i')},
	instances => q{edurange.challenge_instances()},
	question => q{edurange.question_details('q1')},
	challenge => q{edurange.challenge_details('ch')},
	export => q{edurange.cdf_export('ch')},
	import => q{edurange.cdf_update('ch', testing.secret('changed'))},
	'import of what is no JSON' => q{edurange.cdf_update('ch', testing.secret('broken'))},
	'import of what is invalid' => q{edurange.cdf_update('ch', testing.secret('invalid'))},
	'a pack' => q{edurange.pack_install('{"id": "p", "name": "P", "version": "1.0.0", "challenges": ["a"]}', '{a}', ARRAY[testing.secret('changed')])},
	'in a batch' => q{testing.batch(ARRAY['ada', 'q1', 'gc', testing.secret('wrong'), NULL, NULL, NULL, NULL, testing.secret('key')])},
	'a token' => q{edurange.create_token('player', 'x')},
	'whose token' => q{edurange.authenticate_token(sha256(testing.secret('hash')::bytea))},
	tokens => q{edurange.tokens()},
	'a token revoked' => q{edurange.revoke_token('t')},
	'a code' => q{edurange.generate_access_code('g', 'ada')},
	codes => q{edurange.access_codes('g')},
	joining => q{edurange.join_competition(testing.secret('code'), 'bob')},
	'a code revoked' => q{edurange.revoke_access_code('g', testing.secret('code'))},
	'a roster' => q{edurange.import_roster('g', testing.secret('roster'))},
	'who is in a roster' => q{edurange.roster('g')},
	'a further right answer' => q{edurange.accept_answer('g', 'q1', testing.secret('other'))},
	'one undone' => q{edurange.undo_change('g', (SELECT change_id FROM edurange.accepted_answer))},
	rejudged => q{edurange.rejudge('g', 'q1')},
	'a grade' => q{edurange.grade_question('g', 'bob', 'q1', 3)},
	'a completion voided' => q{edurange.attempt_question('ada', 'q1', 'gc', testing.secret('answer')), edurange.void_completion('g', 'ada', 'q1')},
	attempts => q{edurange.attempts('g')},
	statistics => q{edurange.question_statistics('g')},
	'signs of copying' => q{edurange.integrity_findings('g')},
	'a user who signs up' => q{testing.run($q$INSERT INTO "User" (id, email, "updatedAt") VALUES ('wes', 'waits@x', now())$q$)},
	'a user who goes' => q{testing.run($q$DELETE FROM "User" WHERE id = 'bob'$q$)},
	findings => q{edurange.findings()});

# Each secret column, and a text that holds what is in it, of the row r.
my %secrets = (
	'public."ChallengeInstance"' => { flag => 'r.flag' },
	'public."ChallengeQuestion"' => { answer => 'r.answer', cdf_payload => 'r.cdf_payload::text' },
	'public."QuestionAttempt"' => { answer => 'r.answer' },
	'public."Challenge"' => { cdf_content => 'r.cdf_content::text' },
	'edurange.token' => { token_sha256 => q{encode(r.token_sha256, 'hex')} },
	'edurange.idempotency' => { key => 'r.key', response => 'r.response' },
	'edurange.cdf_document' => { document => 'r.document' },
	'public."CompetitionAccessCode"' => { code => 'r.code' },
	'edurange.roster' => { code => 'r.code' },
	'edurange.accepted_answer' => { answer => 'r.answer' });
$node->safe_psql('edurange', 'CREATE FUNCTION testing.number(text) RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT $1::integer $$;
	CREATE FUNCTION testing.batch(arguments text[]) RETURNS text LANGUAGE plpgsql AS $$
	DECLARE
		o record;
	BEGIN
		FOR o IN SELECT * FROM edurange.outcomes(\'attempt_question\', arguments) LOOP
			RAISE WARNING \'batch %\', concat_ws(\' \', o.sqlstate, o.message, o.detail, o.hint);
		END LOOP;
		RETURN NULL;
	END $$;
	CREATE FUNCTION testing.run(statement text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN EXECUTE statement; RETURN NULL; END $$;
	GRANT USAGE ON SCHEMA testing TO PUBLIC');

# What is hung on a table: a check, a generated column's and an index' expressions, triggers, a policy.
sub hung
{
	my ($table, $text) = @_;
	my $column = $text =~ s/\br\.//gr;
	my $new = $text =~ s/\br\./NEW./gr;
	my $trigger = sub {
		my ($time, $body) = @_;
		return qq{CREATE FUNCTION testing.tell() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN $body; RETURN NEW; END \$\$;
			CREATE TRIGGER tell $time INSERT OR UPDATE ON $table FOR EACH ROW EXECUTE FUNCTION testing.tell()};
	};

	return (
		'a check' => "ALTER TABLE $table ADD CONSTRAINT tell CHECK (($column)::integer > 0) NOT VALID",
		'a check in a function' => "ALTER TABLE $table ADD CONSTRAINT tell CHECK (testing.number($column) > 0) NOT VALID",
		'a check that fails' => "ALTER TABLE $table ADD CONSTRAINT tell CHECK (length($column) < 2) NOT VALID",
		'an index' => "CREATE TABLE testing.kept AS SELECT * FROM $table; CREATE INDEX tell ON $table (testing.number($column)) WHERE NOT ($column = ANY ('{"
			. join(',', map { s/(["\\])/\\$1/g; s/'/''/g; "\"$_\"" } split /\x01/, $node->safe_psql('edurange', "SELECT string_agg($text, E'\\x01') FROM $table r")) . "}'))",
		'a trigger before' => $trigger->('BEFORE', "PERFORM ($new)::integer"),
		'a trigger after' => $trigger->('AFTER', "PERFORM ($new)::integer"),
		'a trigger that raises' => $trigger->('BEFORE', "RAISE EXCEPTION USING MESSAGE = $new, DETAIL = $new, HINT = $new"),
		'a trigger that raises as ours do' => $trigger->('BEFORE', "RAISE EXCEPTION USING ERRCODE = 'RG301', MESSAGE = $new, DETAIL = $new, HINT = $new"),
		'a trigger that raises as operators do' => $trigger->('BEFORE', "RAISE EXCEPTION USING ERRCODE = '57014', MESSAGE = $new, DETAIL = $new, HINT = $new"),
		'a policy' => "CREATE POLICY tell ON $table USING (($column)::integer > 0) WITH CHECK (($column)::integer > 0);
			ALTER TABLE $table ENABLE ROW LEVEL SECURITY" . ($table =~ /^edurange/ ? "; ALTER TABLE $table FORCE ROW LEVEL SECURITY" : ''));
}

my $from = -s $node->logfile;
my ($calls, $failed, %told) = (0, 0);
sub try
{
	my ($what, $hung) = @_;
	# the rows that hold a secret are the calls' results and not looked at; what hangs there is made without a log
	my $script = "SET log_min_messages = panic; SET log_min_error_statement = panic; $hung;\nRESET log_min_messages; RESET log_min_error_statement;\n\\set VERBOSITY verbose\n\\o /dev/null\n"
		. join('', map { "\\echo\nBEGIN; SELECT * FROM $calls{$_};\nROLLBACK;\n" } sort keys %calls);
	my ($out, $err) = ('', '');

	$node->psql('edurange', $script, stdout => \$out, stderr => \$err, on_error_stop => 0);
	$calls += keys %calls;
	$failed += () = $err =~ /ERROR:/g;
	$told{"$what: $_"} = 1 for grep { /planted-/i } split /\n/, $err;
	return $err;
}

{
	my $err = try('nothing', 'SELECT');

	is(join(' ', $err =~ /(?:ERROR:  |batch )(\w+)/g), 'RG701 22032', 'without anything hung there only bad documents are refused');
}
my %names;
for my $table (sort keys %secrets)
{
	for my $column (sort keys %{ $secrets{$table} })
	{
		my %hung = hung($table, $secrets{$table}{$column});
		for my $what (sort keys %hung)
		{
			my $err = try("$what on $table $column", "BEGIN; $hung{$what}; COMMIT");

			if ($what eq 'a policy')
			{
				like($err, qr/ERROR:  RG902: row level security of \Q$table\E binds edurange_/, "$table: row level security is named");
				unlike($err, qr/ERROR:  (42501|55000|RG201|RG30)/, 'and never taken for a lack of rights or rows');
				like($node->safe_psql('edurange', 'SELECT missing FROM edurange.readiness()'), qr/shape row level security of/, 'by readiness');
				like($node->safe_psql('edurange', 'SELECT message FROM edurange.health()'), qr/row level security of/, 'and by health');
			}
			elsif ($what eq 'a trigger before')
			{
				like($err, qr/ERROR:  22P02: invalid_text_representation/, "$table $column: a trigger's error has a name only");
			}
			$node->safe_psql('edurange', "SET log_min_messages = panic; ALTER TABLE $table DROP CONSTRAINT IF EXISTS tell; DROP INDEX IF EXISTS "
				. ($table =~ /^(\w+)/)[0] . ".tell; DROP TABLE IF EXISTS testing.kept; DROP TRIGGER IF EXISTS tell ON $table; DROP FUNCTION IF EXISTS testing.tell();
				DROP POLICY IF EXISTS tell ON $table; ALTER TABLE $table DISABLE ROW LEVEL SECURITY; ALTER TABLE $table NO FORCE ROW LEVEL SECURITY");
		}
	}
}
is(join("\n", sort keys %told), '', "$calls calls, of which $failed failed: no error tells what is planted");
cmp_ok($failed, '>', 200, 'many of them do fail');
my $log = substr(slurp_file($node->logfile), $from);
cmp_ok(length $log, '>', 100_000, 'the log says a lot');
is(join("\n", grep { /planted-/i } split /\n/, $log), '', 'and nothing of what is planted');
is($node->safe_psql('edurange', 'SELECT ready FROM edurange.readiness()'), 't', 'everything is in place again');
is($node->safe_psql('edurange', 'SELECT count(*) FROM edurange.check_invariants()'), '0', 'and every invariant holds');
done_testing();
