# Packs in zips as people's tools make them: each is made by its tool and installs, byte for byte.  A tool that
# is not there is named among what was not run.

use strict;
use warnings;

use Cwd qw(abs_path);
use FindBin;
use IO::Compress::Zip qw(:all);
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

use Edurange::Cluster;
use Edurange::Shim;

my $node = Edurange::Cluster->new_ready('tools');
my $shim = Edurange::Shim->start($node, AS => 'admin');
my $tmp = PostgreSQL::Test::Utils::tempdir();
my $scripts = abs_path("$FindBin::RealBin/../archives");

sub document
{
	my ($id) = @_;

	return qq({"metadata": {"id": "$id", "name": "N\xc3\xa9", "version": "1", "challenge_type": "web"},\r\n "components":)
	  . qq( [{"type": "question", "id": "q", "config": {"type": "text", "text": "?", "points": 1, "answer": "x"}}]}\n);
}

# The manifest says each name with accents in one of its forms; on the disk it has the other.
my $manifest = qq({"id": "tools", "name": "Tools", "version": "1.0.0",)
  . qq( "challenges": ["./one.json", "sub folder/tw\xc3\xb6.json", "o\xcc\x88.json"]}\n);
my %files = ('one.json' => document('one'), "sub folder/two\xcc\x88.json" => document('two'), "\xc3\xb6.json" => document('three'));
my %litter = map { $_ => "\0litter" } '.DS_Store', "Icon\r", 'Thumbs.db', 'desktop.ini', '__MACOSX/._one.json', '._one.json';

# A folder with these files.
sub folder_of
{
	my ($name, %content) = @_;

	for my $path (sort keys %content)
	{
		my $file = "$tmp/$name/$path";

		system_or_bail('mkdir', '-p', $file =~ s{/[^/]*$}{}r);
		open(my $out, '>:raw', $file) or die "$file: $!";
		print $out $content{$path};
		close $out;
	}
	return "$tmp/$name";
}

my $folder = folder_of('pack', 'pack.json' => $manifest, %files);
my $littered = folder_of('littered', 'pack.json' => $manifest, %files, %litter);

# Uploads a zip that a tool has made.
sub installs
{
	my ($name, $zip, @skipped) = @_;

	$node->safe_psql('edurange', q{DELETE FROM "Challenge"; DELETE FROM "ChallengePack"; DELETE FROM edurange.cdf_document});
	my ($status, $json) = $shim->request('POST', '/packs/upload', body => slurp_file($zip),
		headers => { 'Content-Type' => 'application/x-zip-compressed' });
	is_deeply([ $status, $json->{installed_count}, [ map { $_->{path} } @{ $json->{skipped_details} } ] ], [ 200, 3, \@skipped ], $name)
	  or diag explain $json;
	for my $id (qw(one two three))
	{
		is($node->safe_psql('edurange', "SELECT convert_to(document, 'UTF8') FROM edurange.cdf_document WHERE challenge_id = '$id'"),
			'\x' . unpack('H*', document($id)), "$name: $id byte for byte");
	}
	return;
}

sub is_there { return grep { -x "$_/$_[0]" } split(/:/, $ENV{PATH}); }

# Runs a command in the folder; what it wants to say is shown when it fails.
my $zips = 0;
sub try
{
	my ($name, $in, $command, @skipped) = @_;
	my $zip = "$tmp/" . ++$zips . '.zip';
	my @command = map { s/\@ZIP\@/$zip/gr } @$command;
	my ($out, $err) = ('', '');

  SKIP:
	{
		skip "no $command[0]: a zip by $name", 1 unless is_there($command[0]);
		ok(IPC::Run::run(\@command, init => sub { chdir $in or die }, '<', \undef, '>', \$out, '2>', \$err), "$name makes a zip")
		  or diag $err, next;
		installs($name, $zip, @skipped);
	}
	return;
}

try('Info-ZIP', $folder, [qw(zip -q -r @ZIP@ .)]);
try('Info-ZIP, stored, without extra fields', $folder, [qw(zip -q -r -X -0 @ZIP@ .)]);
try('Info-ZIP, zip64', $folder, [qw(zip -q -r -fz @ZIP@ .)]);
try('Info-ZIP into a pipe', $folder, [ 'sh', '-c', 'command -v zip >/dev/null && zip -q -r - . | cat >@ZIP@' ]) if is_there('zip');
try('Info-ZIP, a folder', $tmp, [qw(zip -q -r @ZIP@ pack)]);
try('Info-ZIP, with what desktops leave', $littered, [qw(zip -q -r @ZIP@ .)]);
try('7-Zip', $folder, [qw(7z a -bd -tzip @ZIP@ .)]);
try('7-Zip, with what desktops leave', $littered, [qw(7z a -bd -tzip @ZIP@ .)]);
try('bsdtar', $folder, [qw(bsdtar --format zip -cf @ZIP@ .)]);
try('bsdtar, with what desktops leave', $littered, [qw(bsdtar --format zip -cf @ZIP@ .)]);
try('Java', $folder, [qw(jar --create --file @ZIP@ .)], 'META-INF/MANIFEST.MF');
try('Java, without a manifest of its own', $folder, [qw(jar --create --no-manifest --file @ZIP@ .)]);
try('Python', $folder, [ 'python3', '-m', 'zipfile', '-c', '@ZIP@', '.' ]);
try('Python, zip64', $folder, [ 'python3', '-c', <<'PYTHON', '@ZIP@' ]);
import os, sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as archive:
    for folder, _, names in os.walk("."):
        for name in names:
            with archive.open(os.path.relpath(os.path.join(folder, name)), "w", force_zip64=True) as entry:
                entry.write(open(os.path.join(folder, name), "rb").read())
PYTHON
try('PowerShell', $folder, [ 'pwsh', '-Command', 'Compress-Archive -Path * -DestinationPath @ZIP@' ]);
try('Finder', $folder, [qw(ditto -c -k --sequesterRsrc . @ZIP@)]);
try('Explorer', $folder, [qw(explorer.exe)]);

# Perl's, of which the end record can be had for zip64.
for my $options ([], [ Zip64 => 1 ], [ Stream => 0 ], [ Stream => 0, Zip64 => 1 ])
{
	my $zip = "$tmp/" . ++$zips . '.zip';
	my $writer;

	for my $name ('pack.json', sort keys %files)
	{
		my @entry = (Name => $name, Efs => 1, @$options);

		$writer ? $writer->newStream(@entry) : ($writer = IO::Compress::Zip->new($zip, @entry));
		$writer->print($name eq 'pack.json' ? $manifest : $files{$name});
	}
	$writer->close;
	installs("Perl, @$options", $zip);
}

# Libraries of JavaScript.
SKIP:
{
	skip 'no node: zips by archiver, yazl, jszip and fflate', 1 unless is_there('node');
	skip 'no npm packages: zips by archiver, yazl, jszip and fflate', 1 unless -d "$scripts/node_modules";
	my ($ways) = run_command([ 'node', "$scripts/make.mjs" ]);
	cmp_ok(length $ways, '>', 0, 'ways of JavaScript');
	try($_, $folder, [ 'node', "$scripts/make.mjs", $_, '.', '@ZIP@' ]) for split(/\n/, $ways);
	try("$_, with what desktops leave", $littered, [ 'node', "$scripts/make.mjs", $_, '.', '@ZIP@' ]) for qw(archiver yazl);
}

done_testing();
