# A server whose clocks can be moved: by a library that it is started with.
package Edurange::Clock;

use strict;
use warnings;

use PostgreSQL::Test::Utils;

# Adds the milliseconds of a file to the clocks: the first number to all of them, the second to the time of day.
my $source = <<'C';
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long long shifts[2];

static void
read_shifts(void)
{
	static int file = -1;
	char text[64] = "";
	char *rest = text;

	if (file < 0)
		file = open(getenv("CLOCK_FILE"), O_RDONLY | O_CLOEXEC);
	if (pread(file, text, sizeof(text) - 1, 0) <= 0)
		return;
	shifts[0] = strtoll(text, &rest, 10);
	shifts[1] = strtoll(rest, NULL, 10);
}

int
clock_gettime(clockid_t clock, struct timespec *now)
{
	long long shift;

	if (syscall(SYS_clock_gettime, clock, now) != 0)
		return -1;
	read_shifts();
	shift = clock == CLOCK_REALTIME ? shifts[0] + shifts[1] : clock == CLOCK_MONOTONIC ? shifts[0] : 0;
	now->tv_sec += shift / 1000;
	now->tv_nsec += shift % 1000 * 1000000;
	if (now->tv_nsec < 0)
		now->tv_sec--, now->tv_nsec += 1000000000;
	if (now->tv_nsec >= 1000000000)
		now->tv_sec++, now->tv_nsec -= 1000000000;
	return 0;
}

int
gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	struct timespec precise;

	clock_gettime(CLOCK_REALTIME, &precise);
	now->tv_sec = precise.tv_sec;
	now->tv_usec = precise.tv_nsec / 1000;
	return 0;
}

time_t
time(time_t *result)
{
	struct timespec precise;

	clock_gettime(CLOCK_REALTIME, &precise);
	if (result != NULL)
		*result = precise.tv_sec;
	return precise.tv_sec;
}
C

# The library, for who starts a program with it: environment() is what that needs.
sub library
{
	my ($class) = @_;
	my $folder = PostgreSQL::Test::Utils::tempdir();
	my $self = bless { path => "$folder/clock" }, $class;

	append_to_file("$folder/clock.c", $source);
	system_or_bail($ENV{CC} // 'cc', '-shared', '-fPIC', '-O1', '-o', "$folder/clock.so", "$folder/clock.c");
	append_to_file($self->{path}, "0\t0\n");
	chmod 0755, $folder;
	$self->{library} = "$folder/clock.so";
	return $self;
}

sub environment
{
	my ($self) = @_;

	return (LD_PRELOAD => join(' ', grep { length } $ENV{LD_PRELOAD} // '', $self->{library}), CLOCK_FILE => $self->{path});
}

# Restarts a node with the library.
sub of
{
	my ($class, $node) = @_;
	my $self = $class->library;

	local %ENV = (%ENV, $self->environment);
	$node->restart;
	return $self;
}

# The file, for who writes it otherwise.
sub path { return $_[0]{path}; }

# Lets so many seconds pass since the start, and the time of day be off by so many.
sub set
{
	my ($self, $passed, $off) = @_;

	# in one write and longer than before: who reads it meanwhile reads one of both
	open(my $file, '+<', $self->{path}) or die $!;
	syswrite($file, sprintf("%d\t%d\n%s", $passed * 1000, $off * 1000, ' ' x 20)) or die $!;
	close($file);
	return;
}

1;
