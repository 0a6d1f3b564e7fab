# The sync worker while the system gives it no more of something: transfers under way are given up, the
# client is made anew, and nothing that was asked for is lost.

use strict;
use warnings;

use List::Util qw(min);
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

use Edurange::Cluster;
use Edurange::InstanceManager;

# Calls that the worker's module makes itself fail as long as a file of their name is there.
my $dir = PostgreSQL::Test::Utils::tempdir();
my $source = "$dir/deny.c";
append_to_file($source, <<'C');
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

static int
denied(const char *call, const void *caller)
{
	const char *folder = getenv("DENIED_CALLS");
	char path[4096];
	Dl_info from;

	snprintf(path, sizeof(path), "%s/%s", folder ? folder : "", call);
	return dladdr(caller, &from) && strstr(from.dli_fname, "edurange_worker") && access(path, F_OK) == 0;
}

int
epoll_create1(int flags)
{
	int (*real)(int) = (int (*)(int)) dlsym(RTLD_NEXT, "epoll_create1");

	if (!denied("epoll_create1", __builtin_return_address(0)))
		return real(flags);
	errno = EMFILE;
	return -1;
}

int
epoll_ctl(int epoll, int what, int fd, struct epoll_event *event)
{
	int (*real)(int, int, int, struct epoll_event *) =
	    (int (*)(int, int, int, struct epoll_event *)) dlsym(RTLD_NEXT, "epoll_ctl");

	if (what == EPOLL_CTL_DEL || !denied("epoll_ctl", __builtin_return_address(0)))
		return real(epoll, what, fd, event);
	errno = ENOSPC;
	return -1;
}
C
system_or_bail($ENV{CC} // 'cc', '-shared', '-fPIC', '-O1', '-o', "$dir/deny.so", $source);

my $im = Edurange::InstanceManager->start;
my $node;
{
	local $ENV{LD_PRELOAD} = join ' ', $ENV{LD_PRELOAD} // (), "$dir/deny.so";
	local $ENV{DENIED_CALLS} = $dir;
	$node = Edurange::Cluster->new_ready(
		'sync_resources',
		worker => $im,
		conf => <<"CONF");
edurange.sync_interval = 100
edurange.sync_timeout = 5s
edurange.sync_grace = 200
edurange.sync_concurrency = 8
CONF
}

sub sql { return $node->safe_psql('edurange', $_[0]); }

sub deny { append_to_file("$dir/$_", '') for @_; return; }
sub allow { unlink("$dir/$_") for @_; return; }

sub works_again
{
	my ($name) = @_;
	return $node->becomes_true(
		'SELECT "consecutiveFailures" = 0 AND "lastSuccess" > clock_timestamp() - interval \'1s\''
		  . ' FROM edurange.sync_status()', $name);
}

sub worker_pid { return sql(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'edurange sync worker'}); }

# How many sockets and epoll instances the worker keeps open: a request under way may have one more.
sub descriptors
{
	my $folder = '/proc/' . worker_pid() . '/fd';
	my @counts;

	for (1 .. 50)
	{
		push @counts, scalar grep { (readlink($_) // '') =~ /socket:|eventpoll/ } glob "$folder/*";
		sleep 0.02;
	}
	return min(@counts);
}

sql(q{INSERT INTO "User" (id, email) VALUES ('u', 'u@play.test');
	INSERT INTO "ChallengeType" (id, name) VALUES ('t', 't');
	INSERT INTO "Challenge" (id, name, "challengeTypeId") VALUES ('c', 'Basic', 't');
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('g', 'Group', '2020-01-01')});
works_again('the worker polls');
my $pid = worker_pid();
my $open = descriptors();

subtest 'a list that cannot be waited for' => sub {
	for my $calls (['epoll_ctl'], [ 'epoll_ctl', 'epoll_create1' ])
	{
		deny(@$calls);
		$node->becomes_true(q{SELECT "consecutiveFailures" >= 3 AND "lastError" = 'out of a resource' FROM edurange.sync_status()},
			"without @$calls each poll fails, with the reason");
		allow(@$calls);
		works_again('works again when it is over');
	}
	is(worker_pid(), $pid, 'in the same process');
	# (at least six polls failed; of connections to the Instance Manager a second one may be kept by now)
	cmp_ok(descriptors(), '<=', $open + 1, 'with no more descriptors than before');
};

subtest 'many requests that are given up together' => sub {
	my @ids = map { "many-$_" } 1 .. 20;

	$im->add_pod(name => $_, flag => "EDU-{$_}") for @ids;
	$im->fault('delay', ms => 500, route => 'get-secret');
	$im->reset_requests;
	sql(qq{INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId", flag)
		SELECT 'many-' || n, 'c', 'u', 'pending...', 'ACTIVE', 'g', 'flag{decoy}' FROM generate_series(1, 20) n});
	for (1 .. 1500)
	{
		last if $im->requests->{'get-secret'} >= 8;
		sleep 0.02;
	}
	cmp_ok($im->requests->{'get-secret'}, '>=', 8, 'flags are asked for, eight at a time');
	deny('epoll_ctl');
	for (1 .. 300)
	{
		last if slurp_file($node->logfile) =~ /could not ask the Instance Manager: get-secret: out of a resource/;
		sleep 0.1;
	}
	like(slurp_file($node->logfile), qr/could not ask the Instance Manager: get-secret: out of a resource/,
		'those under way are given up');
	allow('epoll_ctl');
	$im->clear_faults;
	works_again('the list comes again');
	$node->becomes_true(
		q{SELECT bool_and(flag = 'EDU-{' || id || '}' AND status = 'ACTIVE') FROM "ChallengeInstance"},
		'and every flag is asked for again');
	is(worker_pid(), $pid, 'in the same process');
	cmp_ok(descriptors(), '<=', $open + 8, 'with no more connections than may be kept');
	unlike(slurp_file($node->logfile), qr/EDU-\{many/, 'no flag is in the log');
};

$node->stop;
is($im->stop, 0, 'the simulator ends cleanly');
done_testing();
