#!/usr/bin/perl
# The configuration of an OCI runtime for a container of an image, as Kubernetes runs it: the image's user, no
# capability, no new privileges, containers' own seccomp profile, a root filesystem that is read-only, a limit of
# memory; tmpfs and folders of the machine as volumes.  The network is that of the caller.
#
# Usage: bundle.pl IMAGE ROOT MEMORY CGROUP MOUNT... -- [VARIABLE=VALUE...] [-- ARGUMENT...]
#
# IMAGE is what `buildah inspect --type image` says of it, ROOT its files.  A MOUNT is FOLDER:PLACE, or :PLACE for a
# tmpfs.  ARGUMENTs that begin with / or a word are a command; - begins arguments of the image's own program, as none do.

use strict;
use warnings;

use JSON::PP;

my ($inspected, $root, $memory, $cgroup, @rest) = @ARGV;
my (@mounts, @variables);

push @mounts, shift @rest while @rest && $rest[0] ne '--';
shift @rest;
push @variables, shift @rest while @rest && $rest[0] ne '--';
shift @rest;

sub slurp
{
	my ($path) = @_;

	open(my $file, '<', $path) or die "$path: $!\n";
	local $/ = undef;
	return decode_json(<$file>);
}

my $image = slurp($inspected)->{OCIv1}{config};
my ($uid, $gid) = split /:/, $image->{User};

# The profile is for engines: which of its rules hold depends on the capabilities, of which there are none.
sub seccomp
{
	my $profile = slurp('/usr/share/containers/seccomp.json');
	my @rules;

	for my $rule (@{ $profile->{syscalls} })
	{
		my ($with, $without) = map { $_ // {} } @$rule{qw(includes excludes)};

		next if @{ $with->{caps} // [] } || (@{ $with->{arches} // [] } && !grep { $_ eq 'amd64' } @{ $with->{arches} });
		next if grep { $_ eq 'amd64' } @{ $without->{arches} // [] };
		push @rules, { map { defined $rule->{$_} ? ($_ => $rule->{$_}) : () } qw(names action args errnoRet) };
	}
	return {
		defaultAction => $profile->{defaultAction},
		defined $profile->{defaultErrnoRet} ? (defaultErrnoRet => $profile->{defaultErrnoRet}) : (),
		architectures => [qw(SCMP_ARCH_X86_64 SCMP_ARCH_X86 SCMP_ARCH_X32)],
		syscalls => \@rules
	};
}

sub mount_of
{
	my ($folder, $place) = split /:/, $_[0];

	return { destination => $place, type => 'bind', source => $folder, options => [qw(rbind rw)] } if $folder ne '';
	return { destination => $place, type => 'tmpfs', source => 'tmpfs', options => [qw(nosuid nodev mode=1777 size=256m)] };
}

my @arguments = @rest && $rest[0] !~ /^-/ ? @rest : (@{ $image->{Entrypoint} }, @rest);
print JSON::PP->new->canonical->pretty->encode({
	ociVersion => '1.0.2',
	process => {
		terminal => JSON::PP::false,
		user => { uid => $uid + 0, gid => $gid + 0 },
		args => \@arguments,
		env => [ @{ $image->{Env} }, @variables ],
		cwd => '/',
		noNewPrivileges => JSON::PP::true,
		capabilities => { map { $_ => [] } qw(bounding effective inheritable permitted ambient) },
	},
	root => { path => $root, readonly => JSON::PP::true },
	mounts => [
		{ destination => '/proc', type => 'proc', source => 'proc' },
		{ destination => '/dev', type => 'tmpfs', source => 'tmpfs', options => [qw(nosuid strictatime mode=755 size=65536k)] },
		{ destination => '/dev/shm', type => 'tmpfs', source => 'shm', options => [qw(nosuid noexec nodev mode=1777 size=256m)] },
		map { mount_of($_) } @mounts
	],
	linux => {
		namespaces => [ map { { type => $_ } } qw(pid mount ipc uts) ],
		cgroupsPath => $cgroup,
		resources => { memory => { limit => $memory * 1024 * 1024 } },
		seccomp => seccomp(),
		maskedPaths => [qw(/proc/kcore /proc/keys /proc/timer_list /sys/firmware)],
		readonlyPaths => [qw(/proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger)],
	},
});
