# A server whose clocks can be moved: by a library that it is started with.
package Edurange::Clock;

use strict;
use warnings;

use PostgreSQL::Test::Utils;

my $source = <<'C';
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>

enum
{
	TIME_OF_DAY,
	MONOTONIC,
	CLOCKS
};

static int64_t
shift(int clock)
{
	static const volatile int64_t *seconds;

	if (seconds == NULL)
	{
		int file = open(getenv("SHIFT_FILE"), O_RDONLY | O_CLOEXEC);

		seconds = mmap(NULL, CLOCKS * sizeof(*seconds), PROT_READ, MAP_SHARED, file, 0);
	}
	return seconds[clock];
}

int
gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	static int (*original)(struct timeval *, void *);

	if (original == NULL)
		original = (int (*)(struct timeval *, void *)) dlsym(RTLD_NEXT, "gettimeofday");
	original(now, zone);
	now->tv_sec += shift(TIME_OF_DAY);
	return 0;
}

time_t
time(time_t *result)
{
	struct timeval now;

	gettimeofday(&now, NULL);
	if (result != NULL)
		*result = now.tv_sec;
	return now.tv_sec;
}

int
clock_gettime(clockid_t clock, struct timespec *now)
{
	static int (*original)(clockid_t, struct timespec *);
	int result;

	if (original == NULL)
		original = (int (*)(clockid_t, struct timespec *)) dlsym(RTLD_NEXT, "clock_gettime");
	result = original(clock, now);
	if (clock == CLOCK_MONOTONIC)
		now->tv_sec += shift(MONOTONIC);
	return result;
}
C

# Restarts a node with the library; undef where there is no compiler.
sub of
{
	my ($class, $node) = @_;
	my $folder = PostgreSQL::Test::Utils::tempdir();
	my $self = bless { file => "$folder/shift", seconds => [ 0, 0 ] }, $class;

	append_to_file("$folder/clock.c", $source);
	return if system($ENV{CC} // 'cc', '-shared', '-fPIC', '-o', "$folder/clock.so", "$folder/clock.c", '-ldl') != 0;
	$self->_write;
	chmod 0755, $folder;
	local $ENV{LD_PRELOAD} = join ' ', grep { length } $ENV{LD_PRELOAD} // '', "$folder/clock.so";
	local $ENV{SHIFT_FILE} = $self->{file};
	$node->restart;
	return $self;
}

sub _write
{
	my ($self) = @_;
	my $file;

	open($file, '+<', $self->{file}) or open($file, '>', $self->{file}) or die $!;
	syswrite($file, pack('q2', @{ $self->{seconds} })) == 16 or die $!;
	close($file);
	return;
}

# Moves the time of day, or the clock that never jumps, away from the true one.
sub shift_time { my ($self, $seconds) = @_; $self->{seconds}[0] = $seconds; return $self->_write; }
sub shift_monotonic { my ($self, $seconds) = @_; $self->{seconds}[1] = $seconds; return $self->_write; }

1;
