# What a test that was killed leaves running is stopped: its server and the programs it started.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use Edurange::Cluster;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

my $stop = "$FindBin::Bin/../stop_left.sh";
my $folder = PostgreSQL::Test::Utils::tempdir();
my $out = '';

my $node = Edurange::Cluster->new_staged('left');
$node->start;
# as a test's program, which has its TESTDIR, and one that does not listen
my $program = IPC::Run::start([ 'env', "TESTDIR=$folder", 'sleep', '600' ]);
my $deaf = IPC::Run::start([ 'env', "TESTDIR=$folder", 'sh', '-c', q(trap '' TERM; while :; do sleep 1; done) ]);
my $other = IPC::Run::start([ 'env', "TESTDIR=$folder-other", 'sleep', '600' ]);

is(system_log($stop, $node->basedir), 0, 'what works in the folder');
ok(!-e $node->data_dir . '/postmaster.pid', 'the server is gone');
IPC::Run::run([ $stop, $folder ], '>', \$out, '2>&1');
like($out, qr/^left running, now stopped: .*\d sleep/, 'it says what it stopped');
$program->finish;
$deaf->finish;
isnt($program->full_result(0), 0, 'a program was stopped');
is($deaf->full_result(0) & 127, 9, 'one that does not listen was killed');
ok($other->pumpable, 'that of another test goes on');
$other->kill_kill;
is(system_log($stop, $folder), 0, 'nothing is left');
$node->{_pid} = undef; # nothing to stop for its END block

done_testing();
