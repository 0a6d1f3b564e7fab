#!/usr/bin/perl
# The simulated players of `make run`: some people who answer questions of the sample competition over HTTP, now right and
# now wrong, so that something moves on its board.  When all have solved everything they begin anew, some time after.  Ends
# when it is told to, or the service stays away.
#
# Usage: players.pl GROUP QUESTIONS: the id of the competition, and a file with a question a line: its id, its group
# challenge's and a right answer as JSON, with tabs.  From the environment: EDURANGE_URL, EDURANGE_PLAYER_TOKEN,
# EDURANGE_SERVICE_TOKEN.  Who they are says players.sql.

use strict;
use warnings;

use HTTP::Tiny;
use JSON::PP qw(encode_json decode_json);

my ($group, $list) = @ARGV;
my $url = $ENV{EDURANGE_URL};
my @players = map { "sample-$_" } qw(grace linus radia edsger hedy dennis margaret ken);
my $http = HTTP::Tiny->new(timeout => 10);
my $failures = 0;
my $moves = 0;

open(my $file, '<:raw', $list) or die "$list: $!\n";
my @questions = map { chomp; my @fields = split /\t/; [ @fields[ 0, 1 ], JSON::PP->new->utf8->allow_nonref->decode($fields[2]) ] } <$file>;
my %left = map { $_ => [@questions] } @players; # of a player, what there is still to answer
my $done_at; # when the last of them was ready

# Sends a request; returns what came back, undef when nothing right did.
sub send_as
{
	my ($token, $path, $body) = @_;
	my $response = $http->post($url . $path,
		{ headers => { Authorization => "Bearer $token", 'Content-Type' => 'application/json' }, content => encode_json($body) });

	$failures = $response->{status} == 599 || $response->{status} == 503 ? $failures + 1 : 0;
	die "the service does not answer any more\n" if $failures > 60;
	return $response->{success} ? decode_json($response->{content}) : undef;
}

# One answer of a player to one of the questions that are left to them; false: it was answered in an earlier run.
sub answer
{
	my ($player) = @_;
	my $left = $left{$player};
	my $place = int rand @$left;
	my ($question, $placed, $right) = @{ $left->[$place] };
	my %play = (user_id => $player, question_id => $question, group_challenge_id => $placed);
	my $told;

	# a flag is in the pod that a simulated player does not have: a service says that it was found
	if (!defined $right)
	{
		$told = send_as($ENV{EDURANGE_SERVICE_TOKEN}, '/question/complete', \%play) if rand() < 0.5;
		return 1 unless $told;
	}
	else
	{
		$told = send_as($ENV{EDURANGE_PLAYER_TOKEN}, '/question/attempt', { %play, answer => rand() < 0.7 ? $right : 'no idea' });
		return 1 unless $told && $told->{isCorrect};
	}
	splice @$left, $place, 1;
	$done_at = time unless grep { @$_ } values %left;
	return !$told->{alreadyCompleted};
}

# Lets all of them begin anew.
sub begin_anew
{
	for my $player (@players)
	{
		send_as($ENV{EDURANGE_SERVICE_TOKEN}, "/competition/$group/reset", { userId => $player, reason => 'a simulated player begins anew' });
		$left{$player} = [@questions];
	}
	return;
}

# Some are better than others: the first of them more often has a turn.
while (1)
{
	my @busy = grep { @{ $left{$_} } } @players;

	if (@busy) { answer($busy[ int(@busy * rand()**1.5) ]) or next; }
	elsif (time - $done_at > 120) { begin_anew(); }
	# lively in the first minute, when somebody looks, and slower then
	select undef, undef, undef, (++$moves < 40 ? 0.5 + rand 2 : 3 + rand 6);
}
