#!/usr/bin/perl
# Fills a shim's memory with bodies for some seconds: many connections at once, each with the largest body that its
# route takes, sent bit by bit and never ended.  Prints how these were answered; exits 1 where /live stops answering.
#
# Usage: bodies.pl HOST PORT TOKEN SECONDS

use strict;
use warnings;

use HTTP::Tiny;
use IO::Select;
use IO::Socket::INET;
use Time::HiRes qw(time);

my ($host, $port, $token, $seconds) = @ARGV;
my $clients = 300;
my @bodies = ([ '/packs/upload', 16 << 20, 'application/zip' ], [ '/cdf/import', 1 << 20, 'application/json' ], [ '/add_points', 64 << 10, 'application/json' ]);
my $piece = "PK\3\4" . '[{},' x 16384;
my (%client, %answers, $live, $slowest) = ();
my ($sent, $alive, $begun, $end) = (0, 0, time, time + $seconds);

local $SIG{PIPE} = 'IGNORE';
while (time < $end)
{
	while (keys %client < $clients)
	{
		my $socket = IO::Socket::INET->new(PeerAddr => $host, PeerPort => $port, Timeout => 5) or last;
		my ($path, $length, $type) = @{ $bodies[ rand @bodies ] };

		$socket->blocking(0);
		syswrite($socket, "POST $path HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer $token\r\nContent-Type: $type\r\nContent-Length: $length\r\n\r\n");
		$client{$socket} = { socket => $socket, left => $length - 1 };
	}
	my $all = IO::Select->new(map { $_->{socket} } values %client);
	my ($answered, $writable) = IO::Select->select($all, $all, undef, 1);

	for my $socket (@{ $answered // [] })
	{
		my $got = sysread($socket, my $text, 4096);
		next if !defined $got && $!{EAGAIN};
		$answers{ ($text // '') =~ m{^HTTP/1.1 (\d+)} ? $1 : 'closed' }++;
		delete $client{$socket};
		close($socket);
	}
	for my $socket (@{ $writable // [] })
	{
		my $which = $client{$socket} or next;
		next if $which->{left} <= 0;
		my $wrote = syswrite($socket, $piece, $which->{left} < length $piece ? $which->{left} : length $piece) // 0;
		$which->{left} -= $wrote;
		$sent += $wrote;
	}
	next if defined $live && time - $live < 0.5;
	$live = time;
	my $response = HTTP::Tiny->new(timeout => 10)->get("http://$host:$port/live");
	$slowest = time - $live if !defined $slowest || time - $live > $slowest;
	die "/live: $response->{status} $response->{content}\n" if $response->{status} != 200;
	$alive++;
}
printf "%d MB sent in %d s\n", $sent >> 20, time - $begun;
printf "/live answered %d times, in %.2f s at most\n", $alive, $slowest;
print map { "$answers{$_} were answered $_\n" } sort keys %answers;
