#!/usr/bin/perl
# Writes what the fuzzers begin with: make_seeds.pl FOLDER makes FOLDER/<target>/<seed>.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use Edurange::Zip qw(zip_of);

my $folder = shift or die "make_seeds.pl FOLDER\n";

my $manifest = '{"id": "p", "name": "P", "version": "1.0.0", "challenges": ["a.json", "sub/b.json"]}';
my $document = '{"metadata": {"id": "a", "name": "A", "version": "1", "challenge_type": "web"}, "components": []}';
my @files = (
	{ name => 'p/', method => 0 },
	{ name => 'p/pack.json', content => $manifest },
	{ name => '__MACOSX/p/._pack.json', content => "\0\1\2" },
	{ name => 'p/a.json', content => $document },
	{ name => 'p/sub/b.json', content => $document, method => 0 });
my %archive = (
	right => zip_of(\@files),
	manifest_last => zip_of([ reverse @files ], comment => 'a comment'),
	streamed => zip_of([ map { { %$_, local => { flags => 8, crc => 0, compressed => 0, size => 0 },
				central => { flags => 8 }, behind => '' } } @files ]),
	zip64 => zip_of([ { %{ $files[1] }, local => { extra => pack('v2 Q2', 1, 16, 88, 88) } } ]),
	zip64_end => zip_of(\@files, zip64 => {}),
	encrypted => zip_of([ { %{ $files[1] }, local => { flags => 1 }, central => { flags => 1 } } ]),
	link => zip_of([ { %{ $files[1] }, central => { attributes => 0120777 << 16 } } ]),
	empty => zip_of([]));

my $boundary = 'boundary';
my $part = sub { return "--$boundary\r\nContent-Disposition: form-data; $_[0]\r\n\r\n$_[1]\r\n" };
my %upload = (
	form => "multipart/form-data; boundary=$boundary\n"
	  . $part->('name="dry_run"', 'true')
	  . $part->('name="file"; filename="p.zip"', $archive{right}) . "--$boundary--\r\n",
	nameless => "multipart/form-data; boundary=$boundary\n--$boundary\r\n"
	  . qq(Content-Disposition: form-data; filename="a"\r\n) x 2 . "\r\n\r\n--$boundary--\r\n",
	zip => "application/zip\n$archive{right}",
	json => qq(application/json\n{"manifest": $manifest, "challenges": [$document, {"path": "sub/b.json", "document": $document}], "dry_run": true}));

my %request = (
	get => "GET /api/competition/a%20b/leaderboard?limit=1&at=2025-01-01\n",
	answer => qq(POST /question/attempt\n{"user_id": "u", "question_id": "q", "group_challenge_id": "g", "answer": 1.50}),
	list => qq(POST /competition/create\n{"name": "n", "startDate": "2025-01-01T00:00:00+02:00", "instructorIds": ["a\\"b"]}),
	document => "POST /cdf/import?pack_id=p\n$document");

my %seeds = (archive => \%archive, upload => \%upload, request => \%request);

for my $target (sort keys %seeds)
{
	mkdir($_) for $folder, "$folder/$target";
	for my $seed (sort keys %{ $seeds{$target} })
	{
		open(my $file, '>:raw', "$folder/$target/$seed") or die "$folder/$target/$seed: $!\n";
		print $file $seeds{$target}{$seed};
		close($file) or die "$folder/$target/$seed: $!\n";
	}
}
