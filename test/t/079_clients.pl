# Clients as docs/clients.md shows them: one that is generated from the description, compiled and run against the
# service, and what the page has for Python and for fetch, put together and run.

use strict;
use warnings;

use Cwd qw(abs_path);
use Edurange::Cluster;
use Edurange::Shim;
use File::Copy qw(copy);
use FindBin;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

my $files = abs_path("$FindBin::RealBin/../clients");
my $page = slurp_file("$FindBin::RealBin/../../docs/clients.md");
my $tmp = $PostgreSQL::Test::Utils::tmp_check;
my $node = Edurange::Cluster->new_ready('clients');
my $shim = Edurange::Shim->start($node);
my $token = $shim->make_token('service');

$node->safe_psql('edurange', q{
	INSERT INTO "User" (id, email, role) SELECT w, w || '@school.example', 'INSTRUCTOR' FROM unnest(ARRAY['vera', 'otto']) w;
	INSERT INTO "User" (id, email) SELECT 'u' || n, 'u' || n || '@school.example' FROM generate_series(1, 3) n;
	SELECT edurange.cdf_import('{"metadata": {"id": "ch", "name": "C", "version": "1", "challenge_type": "web"}, "components": [
		{"type": "question", "id": "q", "config": {"type": "text", "text": "?", "points": 10, "answer": "a"}}]}');
	UPDATE "ChallengeQuestion" SET id = 'q';
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('g', 'G', '2020-01-01');
	INSERT INTO "_GroupInstructors" ("A", "B") VALUES ('g', 'vera');
	INSERT INTO "_GroupMembers" ("A", "B") SELECT 'g', id FROM "User" WHERE id ~ '^u';
	INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId") VALUES ('gc', 10, 'ch', 'g');
	SELECT edurange.attempt_question(id, 'q', 'gc', 'no') FROM "User" WHERE id ~ '^u'});

# Runs a program in the folder; returns its exit status and what it printed.
sub run_program
{
	my (@command) = @_;
	my $out = '';

	local %ENV = (%ENV, URL => $shim->url, TOKEN => $token, NO_COLOR => 1);
	IPC::Run::run(\@command, '<', \'', '>', \$out, '2>&1', init => sub { chdir $tmp or die; }, IPC::Run::timeout(240));
	return ($? >> 8, $out);
}

# The blocks of the page in a language, as one text.
sub blocks { return join("\n", $page =~ /^```$_[0] [^\n]*\n(.*?)^```$/msg); }

SKIP:
{
	skip 'no python3 with requests', 2 if (run_program('python3', '-c', 'import requests'))[0];
	append_to_file("$tmp/page.py", "import os\nurl, token, group, user = os.environ['URL'], os.environ['TOKEN'], 'g', 'vera'\n" . blocks('python') . q{
print([m["userId"] for m in members()], [a["answer"] for a in attempts])
lose = [True]
send = service.send
def lossy(request, **options):
    answer = send(request, **options)
    if lose.pop() if lose else False:
        raise requests.ConnectionError("the answer was lost")
    return answer
service.send = lossy
print(once("POST", "/add_points", {"user_id": "u1", "group_id": "g", "points": 5})["points"])
try:
    once("POST", "/add_points", {"user_id": "no", "group_id": "g", "points": 5})
except requests.HTTPError as error:
    print(error.response.json()["code"])
});
	my ($code, $out) = run_program('python3', 'page.py');
	is($code, 0, 'the Python of the page runs') or diag $out;
	is($out, "['u1', 'u2', 'u3'] ['no', 'no', 'no']\n5\nuser_not_found\n", 'lists, and does nothing twice');
}

SKIP:
{
	skip 'no node', 2 if (run_program('node', '-e', 'fetch'))[0];
	append_to_file("$tmp/page.mjs", q{const { URL: url, TOKEN: token } = process.env, group = 'g', session = { user: { id: 'vera' } };} . "\n" . blocks('js') . "\nconsole.log(members.length);\n");
	my ($code, $out) = run_program('node', 'page.mjs');
	is($code, 0, 'the fetch of the page runs') or diag $out;
	is($out, "3\n", 'and has its answer');
}

SKIP:
{
	skip 'the npm packages of a client could not be had', 4 unless -d "$files/node_modules";
	symlink("$files/node_modules", "$tmp/node_modules") or die "node_modules: $!";
	copy("$files/$_", "$tmp/$_") or die "$_: $!" for qw(package.json tsconfig.json class.ts);
	append_to_file("$tmp/openapi.json", ($shim->get('/openapi.json'))[3]);
	my ($code, $out) = run_program('node', 'node_modules/openapi-typescript/bin/cli.js', 'openapi.json', '-o', 'schema.d.ts');
	is($code, 0, 'types are made of the description') or diag $out;
	($code, $out) = run_program('node', 'node_modules/typescript/bin/tsc', '-p', '.');
	is($code, 0, 'a client compiles, and what is misspelled does not') or diag $out;
	($code, $out) = run_program('node', 'class.js');
	is($code, 0, 'it runs') or diag $out;
	is($out, qq{2 4: "nobody" is no e-mail address\none\@school.example true,two\@school.example true\n5 2\nnot_an_instructor\n}, 'and teaches a class');
}

done_testing();
