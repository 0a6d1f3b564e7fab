# Packs over HTTP: every form in which clients send one, what becomes of it, and the routes around it.

use strict;
use warnings;

use File::Basename;
use FindBin;
use IO::Socket::INET;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

use Edurange::Cluster;
use Edurange::Seed qw(draw_from);
use Edurange::Shim;
use Edurange::Zip qw(zip_of);

my $node = Edurange::Cluster->new_ready('packs');
my $shim = Edurange::Shim->start($node);
my $admin = $shim->make_token('admin');
my $service = $shim->make_token('service');

$node->safe_psql('edurange', q{INSERT INTO "User" (id, email, role) VALUES ('root', 'root@example.org', 'ADMIN')});

# Texts that any encoder on the way would change: order, spelling, white space, numbers, names.
sub document
{
	my ($id, $points) = @_;

	return qq({ "components" : [\t{"id": "q", "type":"question", "config": {"text": "a\\u00e9\\"\\\\ {NULL} \xc3\xa9",)
	  . qq( "type": "text", "points": $points, "answer": "x", "hint":"look"}} ],\r\n "x-big": 12345678901234567890.10,)
	  . qq( "x-empty": {}, "x-null": null,\n"metadata": {"version": "1.0", "id": "$id", "name": "N\xc3\xa9 $id",)
	  . qq( "difficulty": "advanced", "challenge_type": "web"} }\n);
}

# A manifest and the files that it names.
sub pack_files
{
	my ($id, $version, %files) = @_;
	my $paths = join ', ', map { qq("$_") } sort keys %files;

	return (
		{ name => 'pack.json',
			content => qq({"version":"$version", "id": "$id", "name": "Pack $id", "license": "MIT",)
			  . qq( "website": "https://example.org/", "challenges": [$paths]}) },
		map { { name => $_, content => $files{$_} } } sort keys %files);
}

my %files = ('one.cdf.json' => document('one', 10), "sub folder/tw\xc3\xb6.json" => document('two', 20));
my @litter = (
	{ name => 'p/', method => 0 },
	{ name => '__MACOSX/p/._pack.json', content => "\0\5\x16\7" },
	{ name => 'p/.DS_Store', content => "\0" x 100 },
	{ name => 'p/README.md', content => "\xff\xfe no JSON" });
my $zip = zip_of([ @litter, map { { %$_, name => "p/$_->{name}" } } pack_files('p', '1.0.0', %files) ]);

# Sends a body of some type.
sub upload
{
	my ($path, $type, $body, %headers) = @_;

	return $shim->request('POST', $path, token => $admin, body => $body,
		headers => { defined $type ? ('Content-Type' => $type) : (), %headers });
}

sub form
{
	my ($boundary, @parts) = @_;

	return join('', map { "--$boundary\r\nContent-Disposition: form-data; $_->[0]\r\n\r\n$_->[1]\r\n" } @parts)
	  . "--$boundary--\r\n";
}

# What the database has of the documents, and of everything that a second upload could change.
sub stored
{
	my ($id) = @_;

	return $node->safe_psql('edurange', "SELECT convert_to(document, 'UTF8') FROM edurange.cdf_document WHERE challenge_id = '$id'");
}

sub everything
{
	return $node->safe_psql(
		'edurange', q{
		SELECT md5(string_agg(t, ',' ORDER BY t)) FROM (
			SELECT p::text || p.xmin FROM "ChallengePack" p UNION ALL SELECT c::text || c.xmin FROM "Challenge" c
			UNION ALL SELECT q::text || q.xmin FROM "ChallengeQuestion" q UNION ALL SELECT a::text || a.xmin FROM "ChallengeAppConfig" a
			UNION ALL SELECT d::text || d.xmin FROM edurange.cdf_document d) AS x (t)});
}

# ---- each form of an upload ----------------------------------------------------------------------
my $part = 'name="file"; filename="p.zip"';
my %uploads = (
	'a zip' => [ 'application/zip', $zip ],
	'a zip as Windows calls it' => [ 'application/x-zip-compressed', $zip ],
	'a form' => [ 'multipart/form-data; boundary=XyZ', form('XyZ', [ $part, $zip ]) ],
	'a form of node-fetch' => [
		'multipart/form-data;boundary=--------------------------809153618422',
		form('--------------------------809153618422', [ "$part\r\nContent-Type: application/zip", $zip ])
	],
	'a form of undici' => [
		'multipart/form-data; boundary=----formdata-undici-029470',
		form('----formdata-undici-029470', [ 'name="dry_run"', 'false' ], [ "$part\r\nContent-Type: application/octet-stream", $zip ])
	],
	'a quoted boundary' => [ 'Multipart/Form-Data; charset="utf-8; x"; Boundary="a b\'c"', form("a b'c", [ $part, $zip ]) ],
	'preamble and epilogue' => [ 'multipart/form-data; boundary=b', "for readers without MIME\r\n" . form('b', [ $part, $zip ]) . 'the end' ],
	'names without quotes' => [ 'multipart/form-data; boundary=b', form('b', [ 'name=file; filename=P.ZIP', $zip ]) ],
	'escapes in a name' => [ 'multipart/form-data; boundary=b', form('b', [ 'name="file"; filename="a\"b; c.zip"', $zip ]) ],
	'an extended name' => [ 'multipart/form-data; boundary=b', form('b', [ q(name="file"; filename*=UTF-8''p%20q.zip), $zip ]) ],
	'blanks after a boundary' => [ 'multipart/form-data; boundary=b', form('b', [ $part, $zip ]) =~ s/^--b/--b \t/r ],
	'JSON' => [ 'application/json; charset=utf-8', envelope(map { $files{$_} } sort keys %files) ],
	'JSON behind a byte order mark' => [ 'application/json', "\xef\xbb\xbf" . envelope(map { $files{$_} } sort keys %files) ],
	'JSON with paths' => [
		'application/json',
		envelope(map { qq({"path": "$_->[0]", "document": $_->[1]}) } map { [ $_, $files{$_} ] } reverse sort keys %files)
	]);

sub envelope
{
	my (@challenges) = @_;
	my ($manifest) = pack_files('p', '1.0.0', %files);

	return qq({"challenges": [) . join(' , ', @challenges) . qq(], "force": null, "manifest": $manifest->{content}});
}

for my $form (sort keys %uploads)
{
	$node->safe_psql('edurange', q{DELETE FROM "Challenge"; DELETE FROM "ChallengePack"; DELETE FROM edurange.cdf_document});
	my ($status, $json) = upload('/packs/upload', @{ $uploads{$form} }, 'X-Uploader-User-Id' => 'root');
	is($status, 200, $form) or diag explain $json;
	is_deeply(
		[ @$json{qw(status packId installed_count)}, [ map { "$_->{id} $_->{status}" } @{ $json->{challenges} } ] ],
		[ 'success', 'p', 2, [ 'one added', 'two added' ] ], "$form: the answer")
	  or diag explain $json;
	is($json->{message} ne '' && !exists $json->{error}, 1, "$form: a message");
	for my $path (sort keys %files)
	{
		my ($id) = $files{$path} =~ /"id": "(\w+)", "name"/;
		my $want = $files{$path};
		# in an object, the white space around a document is the object's
		$want =~ s/\s+$// if $form =~ /JSON/;
		is(stored($id), '\x' . unpack('H*', $want), "$form: $id is kept byte for byte");
	}
	my $before = everything();
	($status, $json) = upload('/challenge-pack/install', @{ $uploads{$form} });
	is_deeply([ $status, map { $_->{status} } @{ $json->{challenges} } ], [ 200, 'unchanged', 'unchanged' ], "$form, again");
	is(everything(), $before, "$form, again: no row is written");
}
# ---- byte order marks ----------------------------------------------------------------------------
my %marked = ('m.json' => "\xef\xbb\xbf" . document('marked', 1));
my @marked = pack_files('marked', '1.0.0', %marked);
$marked[0]{content} = "\xef\xbb\xbf$marked[0]{content}\n";
is((upload('/packs/upload', 'application/zip', zip_of(\@marked)))[0], 200, 'byte order marks in manifest and document');
is(stored('marked'), '\x' . unpack('H*', $marked{'m.json'}), 'they are kept');
is(($shim->get('/cdf/export/marked', $admin))[3], $marked{'m.json'}, 'and exported');
is_deeply([ map { $_->{changed} ? 'changed' : 'same' } (upload('/packs/upload', 'application/zip', zip_of(\@marked)))[1],
		($shim->request('POST', '/cdf/import?pack_id=marked', token => $admin, body => $marked{'m.json'}, headers => { 'Content-Type' => 'application/json' }))[1] ],
	[ 'same', 'same' ], 'sent again, nothing changes');
is(($shim->post('/challenge-pack/uninstall', "\xef\xbb\xbf{\"pack_id\": \"marked\"}", $admin))[0], 200, 'also in front of fields');

# ---- keys that are there twice -------------------------------------------------------------------
my $twice = document('twice', 1) =~ s/"points": 1/"points": 1, "points": 2/r;
for my $body ([ 'application/zip', zip_of([ pack_files('t', '1.0.0', 't.json' => $twice) ]) ],
	[ 'application/json', '{"manifest": ' . (pack_files('t', '1.0.0', 't.json' => $twice))[0]{content} . ", \"challenges\": [$twice]}" ])
{
	my ($status, $json) = upload('/packs/upload', @$body);
	is_deeply([ $status, map { "$_->{file} $_->{path} $_->{keyword}" } @{ $json->{validation_errors} } ], [ 422, 't.json /components/0/config/points unique' ],
		"a key twice, $body->[0]") or diag explain $json;
}

# ---- names with accents, which macOS writes as two characters ------------------------------------
my %spelling = (composed => "\xc3\xbcbung.json", decomposed => "u\xcc\x88bung.json");
for my $named (sort keys %spelling)
{
	for my $packed (sort keys %spelling)
	{
		for my $flags (0, 0x800)
		{
			my ($manifest, $file) = pack_files('accents', '1.0.0', $spelling{$named} => document('accents', 1));
			my %flags = (flags => $flags);
			my ($status, $json) = upload('/packs/upload?dry_run=true', 'application/zip',
				zip_of([ $manifest, { %$file, name => $spelling{$packed}, local => \%flags, central => \%flags } ]));
			is_deeply([ $status, $json->{installed_count}, $json->{skipped_details} ], [ 200, 1, [] ],
				"a name that is $packed, flags $flags, $named in the manifest") or diag explain $json;
		}
	}
}

is_deeply((upload('/packs/upload', 'application/zip', $zip))[1]{skipped_details}[0]{path},
	'README.md', 'a file that the manifest does not name is reported, and only that');

# What comes in pieces, or only after being asked for.
sub raw
{
	my ($head, $body, $wait) = @_;
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $shim->port, Timeout => 30) or die $!;
	my $answer = '';

	print $socket "POST /packs/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer $admin\r\nConnection: close\r\n$head\r\n\r\n";
	$answer = <$socket> . <$socket> if $wait;
	print $socket $body if $answer =~ /^(HTTP.* 100|$)/;
	local $/ = undef;
	return $answer . (<$socket> // '');
}
my $chunks = join '', map { sprintf("%x\r\n%s\r\n", length $_, $_) } unpack('(a37)*', $zip);
like(raw("Content-Type: application/zip\r\nTransfer-Encoding: chunked", "${chunks}0\r\n\r\n"),
	qr/^HTTP\S+ 200 .*"packId":"p"/s, 'in chunks');
like(raw('Content-Type: application/zip' . "\r\nExpect: 100-continue\r\nContent-Length: " . length $zip, $zip, 1),
	qr/^HTTP\S+ 100 .*HTTP\S+ 200 .*"packId":"p"/s, 'after 100 Continue');
like(raw("Content-Type: text/plain\r\nExpect: 100-continue\r\nContent-Length: 5", '', 1),
	qr/^HTTP\S+ 415 .*unsupported_media_type/s, 'or not at all');

# ---- what is no upload ---------------------------------------------------------------------------
my ($manifest) = map { $_->{content} } (pack_files('p', '1.0.0', %files))[0];
my @wrong = (
	[ 'no type', undef, $zip, '415 unsupported_media_type' ],
	[ 'another type', 'application/octet-stream', $zip, '415 unsupported_media_type' ],
	[ 'a form of fields', 'application/x-www-form-urlencoded', 'file=x', '415 unsupported_media_type' ],
	[ 'no file', 'multipart/form-data; boundary=b', form('b', [ 'name="x"', 'y' ]), '400 missing_parameter', qr/^No file part in the request$/ ],
	[ 'a field for a file', 'multipart/form-data; boundary=b', form('b', [ 'name="file"', $zip ]), '400 missing_parameter', qr/^No file part in the request$/ ],
	[ 'a form without parts', 'multipart/form-data; boundary=b', "--b--\r\n", '400 missing_parameter', qr/No file part/ ],
	[ 'no name', 'multipart/form-data; boundary=b', form('b', [ 'name="file"; filename=""', '' ]), '400 invalid_form', qr/No selected file/ ],
	[ 'another ending', 'multipart/form-data; boundary=b', form('b', [ 'name="file"; filename="p.rar"', $zip ]), '400 invalid_form', qr/ends in \.zip/ ],
	[ 'two files', 'multipart/form-data; boundary=b', form('b', [ $part, $zip ], [ $part, $zip ]), '400 invalid_form', qr/more than one part "file"/ ],
	[ 'no boundary', 'multipart/form-data', form('b', [ $part, $zip ]), '400 invalid_form', qr/boundary/ ],
	[ 'an endless boundary', 'multipart/form-data; boundary=' . 'b' x 71, form('b' x 71, [ $part, $zip ]), '400 invalid_form', qr/boundary/ ],
	[ 'another boundary', 'multipart/form-data; boundary=c', form('b', [ $part, $zip ]), '400 invalid_form', qr/boundary/ ],
	[ 'half a form', 'multipart/form-data; boundary=b', substr(form('b', [ $part, $zip ]), 0, 200), '400 invalid_form', qr/does not end/ ],
	[ 'half a header', 'multipart/form-data; boundary=b', "--b\r\nContent-Disposition: form-data; name=", '400 invalid_form', qr/does not end/ ],
	[ 'a part without a name', 'multipart/form-data; boundary=b', form('b', [ 'filename="p.zip"', $zip ]), '400 invalid_form', qr/without a name/ ],
	[ 'a part without a header', 'multipart/form-data; boundary=b', "--b\r\n\r\nx\r\n--b--", '400 invalid_form', qr/without a name/ ],
	[ 'base64', 'multipart/form-data; boundary=b', form('b', [ "$part\r\nContent-Transfer-Encoding: base64", $zip ]), '400 invalid_form', qr/Transfer-Encoding/ ],
	[ 'an attachment', 'multipart/form-data; boundary=b', form('b', [ $part, $zip ]) =~ s/form-data; name/attachment; name/r, '400 invalid_form', qr/Content-Disposition/ ],
	[ 'very many parts', 'multipart/form-data; boundary=b', form('b', map { [ "name=f$_", '' ] } 1 .. 300), '400 invalid_form', qr/too many parts/ ],
	[ 'nothing', 'application/json', '', '400 invalid_json', qr/empty/ ],
	[ 'half an object', 'application/json', "{\"manifest\": $manifest", '400 invalid_json', qr/is not JSON, see line 1/ ],
	[ 'brackets that do not match', 'application/json', "{\"manifest\": $manifest, \"challenges\": [}]", '400 invalid_json', qr/is not JSON, see line 1/ ],
	[ 'too deep', 'application/json', '{"manifest": ' . '[' x 5000 . ']' x 5000 . '}', '400 too_deep', qr/too deeply/ ],
	[ 'no commas', 'application/json', "{\"manifest\": $manifest \"challenges\": []}", '400 invalid_json', qr/is not JSON, see line 1/ ],
	[ 'no object', 'application/json', '[]', '400 invalid_json', qr/^a pack in JSON must be a JSON object/ ],
	[ 'no manifest', 'application/json', '{"challenges": []}', '400 missing_parameter', qr/"manifest"/ ],
	[ 'no challenges', 'application/json', "{\"manifest\": $manifest}", '400 missing_parameter', qr/"challenges"/ ],
	[ 'two manifests', 'application/json', "{\"manifest\": {}, \"manifest\": $manifest, \"challenges\": []}", '400 invalid_json', qr/"manifest" is given more than once/ ],
	[ 'a dry run whose name is mistyped', 'application/json', "{\"dryrun\": true, \"manifest\": $manifest, \"challenges\": []}", '400 invalid_parameter', qr/"dryrun"/ ],
	[ 'a member of a challenge that means nothing', 'application/json', '{"manifest": {"challenges": ["a"]}, "challenges": [{"path": "a", "document": {}, "docs": 1}]}', '400 invalid_parameter', qr/"challenges".*"docs"/ ],
	[ 'a path that is none, beside one', 'application/json', '{"manifest": {"challenges": ["a"]}, "challenges": [{"path": "a", "path": null, "document": {}}]}', '400 invalid_json', qr/"challenges".*two paths/ ],
	[ 'a path that is none', 'application/json', '{"manifest": {"challenges": ["a"]}, "challenges": [{"path": 5, "document": {}}]}', '400 invalid_type', qr/"challenges".*path is no text/ ],
	[ 'a manifest that is none', 'application/json', '{"manifest": "x", "challenges": []}', '400 invalid_type', qr/"manifest" must be an object/ ],
	[ 'challenges that are none', 'application/json', "{\"manifest\": $manifest, \"challenges\": {}}", '400 invalid_type', qr/"challenges" must be a list/ ],
	[ 'a challenge that is none', 'application/json', "{\"manifest\": $manifest, \"challenges\": [1]}", '400 invalid_type', qr/"challenges" must be a list of documents/ ],
	[ 'too many challenges', 'application/json', "{\"manifest\": $manifest, \"challenges\": [{}, {}, {}]}", '400 invalid_parameter', qr/more documents than the manifest names/ ],
	[ 'a broken document', 'application/json', "{\"manifest\": $manifest, \"challenges\": [{1}, {}]}", '400 invalid_json', qr/is not JSON, see line 1/ ],
	[ 'a document in Latin-1', 'application/json', "{\"manifest\": $manifest, \"challenges\": [{\"\xe9\": 1}, {}]}", '400 invalid_encoding', qr/body is not valid UTF-8/ ],
	[ 'broken JSON in the manifest', 'application/zip', zip_of([ { name => 'pack.json', content => '{"id": ' } ]), '400 invalid_json', qr/pack\.json/ ],
	[ 'broken JSON in a document', 'application/zip', zip_of([ pack_files('p', '1.0.0', 'x.json' => '{"metadata": ') ]), '400 invalid_json', qr/x\.json/ ],
	[ 'a long number in a manifest', 'application/zip', zip_of([ { name => 'pack.json', content => $manifest =~ s/\}\s*$/, "metadata": {"x": 1e400}}/r } ]), '400 out_of_range', qr/pack\.json.*more than 400 digits/ ],
	[ 'a manifest against the rules', 'application/zip', zip_of([ pack_files('P p', '1', %files) ]), '422 document_invalid', qr/./, 'pack.json' ],
	[ 'a document against the rules', 'application/zip', zip_of([ pack_files('p', '1.0.0', 'x.json' => '{"metadata": {"id": "x"}, "components": []}') ]), '422 document_invalid', qr/./, 'x.json' ],
);
# Junk: bytes of an object that are changed, taken away or put in.  What is no pack is the caller's mistake.
draw_from(3);
my $right = envelope(map { $files{$_} } sort keys %files);
for my $turn (1 .. $ENV{EDURANGE_LONG} ? 5000 : 300)
{
	my $junk = $right;
	my @pieces = ('"', '{', '}', '[', ']', ',', ':', '\\', '\u0000', 'null', '1e400', '-', "\0", "\xff", "\xef\xbb\xbf", '"manifest": 1', '"dryRun": 0,', chr(rand 256));

	substr($junk, rand length $junk, rand 3, $pieces[ rand @pieces ]) for 0 .. rand 2;
	my ($status, $json) = upload('/packs/upload?dry_run=true', 'application/json', $junk);
	next if ($status =~ /^(200|400|413|422)$/ && ($status == 200 || $json->{code})) or $status == 409 && $json->{code} eq 'challenge_exists';
	fail("junk in an object: $status");
	diag explain $json, $junk;
}
pass('junk in an object is refused as such');

my $before = everything();
for my $case (@wrong)
{
	my ($name, $type, $body, $want, $message, $file) = @$case;
	for my $path ('/packs/upload', '/challenge-pack/update')
	{
		my ($status, $json) = upload($path, $type, $body);
		is("$status " . ($json->{code} // ''), $want, "$path: $name") or diag explain $json;
		like($json->{error} // '', $message, "$path: $name: says why") if defined $message;
		is_deeply([ grep { $_->{file} ne $file } @{ $json->{validation_errors} } ], [], "$path: $name: all of $file")
		  if defined $file;
		ok(@{ $json->{validation_errors} } > 0, "$path: $name: lists it") if defined $file;
	}
}
# a document that the manifest names and the archive lacks
my ($status, $json) = upload('/packs/upload', 'application/zip', zip_of([ (pack_files('p', '1.0.0', %files))[ 0, 1 ] ]));
ok($status == 400 || $status == 422, "a missing file: $status") or diag explain $json;
like(encode_json($json), qr/sub folder/, 'the missing file is named');
is(everything(), $before, 'none of them wrote a row');

# ---- trying --------------------------------------------------------------------------------------
my %newer = (%files, 'one.cdf.json' => document('one', 15), 'three.json' => document('three', 1));
my $newer = zip_of([ pack_files('p', '1.1.0', %newer) ]);
my @as = (
	[ '?dry_run=true', 'application/zip', $newer ],
	[ '?dryRun=true', 'application/zip', $newer ],
	[ '', 'multipart/form-data; boundary=b', form('b', [ $part, $newer ], [ 'name="dry_run"', 'true' ]) ],
	[ '', 'application/json', '{"dry_run": true, "manifest": ' . (pack_files('p', '1.1.0', %newer))[0]{content} . ', "challenges": ['
		  . join(',', map { $newer{$_} } sort keys %newer) . ']}' ]);
for my $as (@as)
{
	my ($query, $type, $body) = @$as;
	($status, $json) = upload("/packs/upload$query", $type, $body);
	is_deeply([ $status, $json->{dry_run} ? 1 : 0, map { "$_->{id} $_->{status}" } @{ $json->{challenges} } ],
		# the white space behind a document is not the document's in an object, so that its text differs
		[ 200, 1, 'one changed', $type =~ /json/ ? 'two changed' : 'two unchanged', 'three added' ], "tried with $type $query")
	  or diag explain $json;
}
is(everything(), $before, 'trying writes no row');
my $older = zip_of([ pack_files('p', '0.1.0', %files) ]);
for my $turn (1 .. 20)
{
	# on every connection that there is
	is((upload('/packs/upload?dry_run=true', 'application/zip', $turn % 2 ? $older : $newer))[0], $turn % 2 ? 409 : 200,
		"what is refused when tried hurts nobody: $turn");
}
# A name that is not quite one: nothing is installed, and whoever sent it is told.
my $plain = 'multipart/form-data; boundary=b';
for my $bad ([ '?dryrun=true', 'application/zip', $newer, 'dryrun' ], [ '?dry-run=true', $plain, form('b', [ $part, $newer ]), 'dry-run' ],
	[ '?Dry_run', 'application/json', '{"manifest": {}, "challenges": []}', 'Dry_run' ],
	[ '', $plain, form('b', [ $part, $newer ], [ 'name="dryrun"', 'true' ]), 'dryrun' ],
	[ '', $plain, form('b', [ 'name=""', 'true' ], [ $part, $newer ]), '' ],
	[ '', $plain, form('b', [ $part, $newer ], [ 'name="files"; filename="p.zip"', $newer ]), 'files' ],
	[ '', $plain, form('b', [ $part, $newer ], [ 'name="dry_run"; filename="yes.txt"', 'true' ]), 'dry_run' ],
	[ '', $plain, form('b', [ $part, $newer ], [ 'name="manifest"', '{}' ]), 'manifest' ],
	[ '', $plain, form('b', [ $part, $newer ], [ 'name="' . 'x' x 5000 . '"', 'true' ]), 'x' x 60 . '...' ],
	[ '?dry_run', 'application/zip', $newer, 'dry_run' ], [ '?dry_run=', 'application/zip', $newer, 'dry_run' ],
	[ '', $plain, form('b', [ $part, $newer ], [ 'name="dry_run"', '' ]), 'dry_run' ])
{
	for my $path ('/packs/upload', '/challenge-pack/install', '/challenge-pack/update')
	{
		($status, $json) = upload("$path$bad->[0]", @$bad[ 1, 2 ]);
		like($status . ($json->{error} // ''), qr/^400.*"\Q$bad->[3]\E"/, "$path$bad->[0] with a form's $bad->[3]") or diag explain $json;
	}
}
($status, $json) = upload('/packs/upload', $plain, form('b', [ $part, $newer ], [ qq(name="\xff"), 'true' ]));
is("$status $json->{code}", '400 invalid_encoding', 'a name in another encoding');
is(everything(), $before, 'a misspelled dry run writes no row');
for my $bad ([ '?dry_run=yes', 'application/zip', $newer ], [ '?force=1', 'application/zip', $newer ],
	[ '?dry_run=true&dry_run=true', 'application/zip', $newer ], [ '?dry_run=true', $as[2][1], $as[2][2] ],
	[ '', 'application/json', '{"dry_run": "true", "manifest": {}, "challenges": []}' ],
	[ '', 'application/json', '{"dry_run": [1], "manifest": {}, "challenges": []}' ],
	[ '', $as[2][1], form('b', [ $part, $newer ], [ 'name="force"', 'x' x 2000 ]) ])
{
	($status, $json) = upload("/challenge-pack/update$bad->[0]", @$bad[ 1, 2 ]);
	is($status, 400, "a wrong parameter with $bad->[1] $bad->[0]");
	like($json->{error}, qr/"(dry_run|force)"/, 'it is named');
}

# ---- updating ------------------------------------------------------------------------------------
($status, $json) = upload('/challenge-pack/update', 'application/zip', $newer, 'X-Uploader-User-Id' => 'root');
is_deeply([ $status, $json->{version} ], [ 200, '1.1.0' ], 'an update') or diag explain $json;
($status, $json) = upload('/challenge-pack/update', 'application/zip', zip_of([ pack_files('no', '1.0.0', 'z.json' => document('z', 1)) ]));
is_deeply([ $status, $json->{code} ], [ 404, 'pack_not_found' ], 'an update of what is not installed');
($status, $json) = upload('/challenge-pack/update', 'application/zip', $zip);
is_deeply([ $status, $json->{code} ], [ 409, 'version_downgrade' ], 'a downgrade');
($status, $json) = upload('/challenge-pack/update?force=true', 'application/zip', $zip);
is_deeply([ $status, $json->{version} ], [ 200, '1.0.0' ], 'a forced one') or diag explain $json;
($status, $json) = upload('/packs/upload', 'application/zip', zip_of([ pack_files('thief', '1.0.0', 'z.json' => document('one', 1)) ]));
is_deeply([ $status, $json->{code} ], [ 409, 'challenge_exists' ], 'a challenge of another pack');

# The same request with the same key has one effect and the same answer.
my $third = zip_of([ pack_files('q', '1.0.0', 'z.json' => document('z', 1)) ]);
my @first = upload('/packs/upload', 'application/zip', $third, 'Idempotency-Key' => 'k');
my @again = upload('/packs/upload', 'application/zip', $third, 'Idempotency-Key' => 'k');
is_deeply([ @again[ 0, 1 ] ], [ @first[ 0, 1 ] ], 'the same key, the same answer');
is((upload('/packs/upload', 'application/zip', $newer, 'Idempotency-Key' => 'k'))[0], 422, 'not for another pack');

# ---- what is installed ---------------------------------------------------------------------------
($status, $json) = $shim->get('/challenge-pack/list', $service);
is_deeply([ $status, map { "$_->{id} $_->{version} $_->{license} $_->{website} $_->{challenge_count}" } @{ $json->{packs} } ],
	[ 200, 'p 1.0.0 MIT https://example.org/ 2', 'q 1.0.0 MIT https://example.org/ 1' ], 'the list') or diag explain $json;
($status, $json) = $shim->get('/challenge-pack/details/p', $service);
is_deeply([ $status, $json->{id}, map { "$_->{id} $_->{difficulty} $_->{type}" } @{ $json->{challenges} } ],
	[ 200, 'p', 'one HARD web', 'two HARD web' ], 'the details') or diag explain $json;
($status, $json) = $shim->post('/challenge-pack/uninstall', { packId => 'q' }, $admin);
is($status, 200, 'uninstalled') or diag explain $json;
is((upload('/challenge-pack/update', 'application/zip', $third))[0], 404, 'then there is nothing to update');
is($node->safe_psql('edurange', q{SELECT pack_id, pack_challenge_id FROM "Challenge" WHERE id = 'z'}), '|z', 'the challenge stays');
is((upload('/packs/upload', 'application/zip', $third))[0], 200, 'installed again');
is($node->safe_psql('edurange', q{SELECT pack_id FROM "Challenge" WHERE id = 'z'}), 'q', 'and linked again');
is($node->safe_psql('edurange', 'SELECT count(*) FROM edurange.check_invariants()'), '0', 'invariants');

# ---- the sample, as its script loads it ----------------------------------------------------------
my $sample = "$FindBin::RealBin/../../deploy/sample";
my %sample = map { basename($_) => slurp_file($_) } glob "$sample/first-steps/*.json";
for my $turn (1, 2)
{
	PostgreSQL::Test::Utils::run_log([ 'psql', '-X', '-d', $node->connstr('edurange'), '-v', "directory=$sample/first-steps", '-f', "$sample/load.sql" ])
	  or fail('the sample is loaded');
	for my $path (grep { $_ ne 'pack.json' } sort keys %sample)
	{
		is(($shim->get('/cdf/export/' . $path =~ s/\..*//r, $admin))[3], $sample{$path}, "$path is exported byte for byte");
	}
	($status, $json) = upload('/packs/upload?dry_run=true', 'application/zip', zip_of([ map { { name => $_, content => $sample{$_} } } sort keys %sample ]));
	is_deeply([ $status, $json->{changed} ? 1 : 0 ], [ 200, 0 ], 'its zip would change nothing');
	like($json->{message}, qr/\b0 added, 0 changed, 4 unchanged, 0 removed/, 'and says so');
}

# ---- a large pack --------------------------------------------------------------------------------
# 500 challenges of 50 components, in memory that is a small multiple of what was sent.
my $component = join ',', map {
	qq({"id": "c$_", "type": "question", "config": {"text": "What is number $_? )
	  . 'Some sentences that say what to look for, and where. ' x 5
	  . qq(", "type": "text", "points": $_, "answer": "$_", "hint": "count"}})
} 1 .. 50;
my %large = map {
	(sprintf('c/%03d.json', $_) =>
		  qq({"metadata": {"id": "large-$_", "name": "L $_", "version": "1", "challenge_type": "web"}, "components": [$component]}))
} 1 .. 500;
my @large = pack_files('large', '1.0.0', %large);
my $stored = zip_of([ map { { %$_, method => 0 } } @large ]);
ok(length $stored < 16 << 20, 'the large pack: ' . length $stored);

# The most memory that the shim ever had, in kB; without a sanitizer's share.
sub memory
{
	open(my $file, '<', '/proc/' . $shim->pid . '/status') or die $!;
	my ($peak) = map { /^VmHWM:\s*(\d+)/ ? $1 : () } <$file>;
	return $peak;
}
my $sanitized = slurp_file('/proc/' . $shim->pid . '/maps') =~ /asan/;
for my $way ([ 'deflated', zip_of(\@large) ], [ 'stored', $stored ])
{
	my $was = memory();
	($status, $json) = upload('/packs/upload', 'application/zip', $way->[1]);
	is_deeply([ $status, $json->{installed_count}, $json->{status} ], [ 200, 500, 'success' ], "a large pack, $way->[0]")
	  or diag explain $json;
	note sprintf('%s: %d kB sent, %d kB of documents, at most %d kB of memory, %d kB before', $way->[0],
		length($way->[1]) / 1024, length($stored) / 1024, memory(), $was);
}
# ---- deadlines -----------------------------------------------------------------------------------
# An installation may take longer than other statements may.
my $hasty = Edurange::Shim->start($node, EDURANGE_STATEMENT_TIMEOUT => 1000, EDURANGE_IMPORT_TIMEOUT => 60_000);
my $lock = $node->background_psql('edurange');
$lock->query_safe('BEGIN; LOCK TABLE "ChallengePack" IN ACCESS EXCLUSIVE MODE');
is(($hasty->get('/challenge-pack/list', $service))[0], 504, 'what waits for a lock is given up');
my $socket = $hasty->socket;
print $socket "POST /packs/upload?dry_run=true HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer $admin\r\n"
  . 'Content-Type: application/zip' . "\r\nContent-Length: " . length($zip) . "\r\n\r\n$zip";
ok($node->poll_query_until('edurange', q{SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock'
	AND query LIKE '%pack_install%' AND query_start < clock_timestamp() - interval '2 s'}), 'an installation is not');
$lock->quit;
is_deeply((Edurange::Shim->read_responses($socket, 1, 60))[0][0][0], 200, 'and ends when it can');
$hasty->stop;

SKIP:
{
	skip 'memory is not measured with a sanitizer', 1 if $sanitized;
	cmp_ok(memory(), '<', 12 * (16 << 10), 'the memory is bounded');
}
is($node->safe_psql('edurange', q{SELECT count(*) FROM "ChallengeQuestion" WHERE "challengeId" LIKE 'large-%'}), '25000', 'all questions');

done_testing();
