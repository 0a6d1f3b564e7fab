# Two programs of strangers, one in JavaScript and one in Python, each with nothing but its language and what
# /openapi.json says: they join, read, answer and look at the board.  docs/clients.md leads to them.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use IPC::Run;
use Test::More;

use Edurange::Cluster;
use Edurange::Shim;

my $bots = abs_path(dirname(__FILE__) . '/../bots');
my $node = Edurange::Cluster->new_ready('bots');
my $shim = Edurange::Shim->start($node);

$node->safe_psql(
	'edurange', q{
	INSERT INTO "User" (id, email, name) VALUES ('js', 'js@x', 'Js'), ('py', 'py@x', 'Py'), ('vera', 'vera@x', 'Vera');
	SELECT edurange.cdf_import('{"metadata": {"id": "ch", "name": "Ch", "version": "1", "challenge_type": "fullOS"}, "components": [
		{"type": "question", "id": "q1", "config": {"type": "text", "text": "A colour?", "points": 10, "answer": ["blue", "azure"]}},
		{"type": "question", "id": "q2", "config": {"type": "text", "text": "A number?", "points": 20, "answer": "42"}},
		{"type": "question", "id": "q3", "config": {"type": "flag", "text": "?", "points": 40, "answer": "{{FLAG}}"}}]}');
	SELECT id AS g FROM edurange.create_competition('Bots', '2020-01-01', ARRAY['vera']) \gset
	SELECT edurange.add_competition_challenge(:'g', 'ch', 70);
	SELECT edurange.generate_access_code(:'g', 'vera', 'BOTS')});

for ([ js => 'node', 'bot.mjs' ], [ py => 'python3', 'bot.py' ])
{
	my ($user, $program, $file) = @$_;
	SKIP:
	{
		skip "there is no $program here", 2 unless grep { -x "$_/$program" } split /:/, $ENV{PATH};
		my $token = $node->safe_psql('edurange', "SELECT token FROM edurange.create_token('player', 'bot', user_id => '$user')");
		my ($out, $err) = ('', '');

		ok(IPC::Run::run([ $program, "$bots/$file", $shim->url, $token, $user, 'bots', 'green', 'azure', '42' ],
				'<', \undef, '>', \$out, '2>', \$err, IPC::Run::timeout(60)), "$file plays") or diag $err;
		is($out, "30\n", "$file: the points of what it knew");
	}
}
is($node->safe_psql('edurange', 'SELECT count(*) FROM edurange.check_invariants()'), '0', 'invariants');
is($shim->stop, 0, 'stopped');
done_testing();
