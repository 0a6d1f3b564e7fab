# Archives that no honest tool writes: each is refused with a reason, and nothing is installed.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;

use Edurange::Cluster;
use Edurange::Seed qw(draw_from);
use Edurange::Shim;
use Edurange::Zip qw(zip_of deflate);

# How deep is too deep depends on the stack: PostgreSQL 17 needs little of it.
my $node = Edurange::Cluster->new_ready('archives', conf => "max_stack_depth = 500kB\n");
my $shim = Edurange::Shim->start($node, AS => 'admin');

my $manifest = '{"id": "p", "name": "P", "version": "1.0.0", "challenges": ["a.json"]}';
my $document = '{"metadata": {"id": "a", "name": "A", "version": "1", "challenge_type": "web"}, "components":'
  . ' [{"type": "container", "id": "c", "config": {"image": "i"}}]}';
my @pack = ({ name => 'pack.json', content => $manifest }, { name => 'a.json', content => $document });

# Sends an archive to be tried, and only tried.
sub upload
{
	my ($zip, $to) = @_;

	return ($to // $shim)->request('POST', '/packs/upload?dry_run=true', body => $zip,
		headers => { 'Content-Type' => 'application/zip' });
}

sub is_refused
{
	my ($zip, $want, $message, $name, $to) = @_;
	my ($status, $json) = upload($zip, $to);

	is("$status " . ($json->{code} // ''), $want, $name) or diag explain $json;
	like($json->{error} // '', $message, "$name: says why");
	return;
}

# The archive of the right pack with something else in it.
sub with { return zip_of([ @pack, @_ ]); }

# The archive of the right pack whose document says something else of itself.
sub saying
{
	my (%facts) = @_;

	return zip_of([ $pack[0], { %{ $pack[1] }, %facts } ]);
}

my $right = zip_of(\@pack);
my ($status, $json) = upload($right);
is($status, 200, 'the pack that the others are made from is right') or diag explain $json;

# ---- what is unusual, but right ------------------------------------------------------------------
my ($length, $packed) = (length $document, length deflate($document));
my $zip64 = pack('v2 Q2', 1, 16, $length, $packed);
my %in_zip64 = (size => 0xffffffff, compressed => 0xffffffff);
my %unusual = (
	'a stream' => [ local => { flags => 8, crc => 0, compressed => 0, size => 0 }, central => { flags => 8 }, behind => 'x' x 16 ],
	'a stream whose size was known, of macOS' => [ local => { flags => 8, crc => 0, compressed => 0 }, central => { flags => 8 } ],
	'a stream that says all' => [ local => { flags => 8 }, central => { flags => 8 } ],
	'sizes of zip64' => [ local => { %in_zip64, extra => $zip64 } ],
	'sizes of zip64 behind another field' => [ local => { %in_zip64, extra => pack('v2 a5', 0x5455, 5, 'x') . $zip64 } ],
	'a stream with zip64' =>
	  [ local => { flags => 8, crc => 0, %in_zip64, extra => pack('v2 Q2', 1, 16, 0, 0) }, central => { flags => 8 } ],
	'sizes and place of zip64 in the directory' => [
		local => { %in_zip64, extra => $zip64 },
		central => { %in_zip64, offset => 0xffffffff, extra => pack('v2 Q3', 1, 24, $length, $packed, length(zip_of([ $pack[0] ])) - 22 - 46 - 9) } ],
	'a size of zip64 in the directory' => [ central => { size => 0xffffffff, extra => pack('v2 a4 v2 Q', 0xcafe, 4, 'x', 1, 8, $length) } ],
	'a system without modes' => [ central => { made_by => 20, attributes => 0120777 << 16 } ]);
for my $unusual (sort keys %unusual)
{
	($status, $json) = upload(saying(@{ $unusual{$unusual} }));
	is($status, 200, $unusual) or diag explain $json;
}
is((upload(with({ name => 'folder/', data => deflate(''), central => { attributes => 0040755 << 16 } })))[0], 200,
	'a folder that is deflated, as jar makes it');

my $all = zip_of(\@pack, zip64 => {});
my $disks = zip_of(\@pack, zip64 => {}); # an end record that leaves the numbers of disks to it, too
substr($disks, -18, 4) = "\xff" x 4;
for my $archive ($all, $disks, zip_of(\@pack, zip64 => {}, end => { entries => 2 }), zip_of(\@pack, zip64 => {}, comment => 'x'))
{
	($status, $json) = upload($archive);
	is($status, 200, 'an end record of zip64') or diag explain $json;
}

# ---- names of an encoding that nobody knows ------------------------------------------------------
for my $name ([ "\xe9.json", '\xe9.json' ], [ "\xed\xa0\x80", '\xed\xa0\x80' ], [ "L\x94sung.txt", 'L\x94sung.txt' ],
	[ "\x95\x5c/\xc3\xbc.txt", "\\x95\\x5c/\x{fc}.txt" ])
{
	($status, $json) = upload(with({ name => $name->[0], content => "\xff" }));
	is_deeply([ $status, map { $_->{path} } @{ $json->{skipped_details} } ], [ 200, $name->[1] ], "a name: $name->[1] is skipped")
	  or diag explain $json;
}
($status, $json) = upload(zip_of([ { name => 'pack.json', content => $manifest =~ s/a\.json/L\xc3\xb6sung.json/r }, { name => "L\x94sung.json", content => $document } ]));
is($status, 422, 'a name that matters is not guessed');
like($json->{validation_errors}[0]{message}, qr/no file "L\x{f6}sung\.json"; the name of "L\\x94sung\.json" is not UTF-8/, 'but shown');
is_refused(with({ name => "L\x94sung", local => { flags => 1 } }), '400 archive_invalid', qr/"L\\x94sung" in the archive is encrypted/, 'such a name in a message');

# ---- no zip, or not all of it --------------------------------------------------------------------
is_refused('', '400 archive_invalid', qr/not a zip file/, 'nothing');
is_refused($_, '400 archive_invalid', qr/not a zip file/, 'something else')
  for $manifest, 'PK', "PK\3\4" . 'x' x 100, "\x1f\x8b" . 'x' x 100, "\0" x 70_000;
for my $length (1 .. length($right) - 1)
{
	($status, $json) = upload(substr($right, 0, $length));
	is("$status $json->{code}", '400 archive_invalid', "the first $length bytes");
}

# ---- the manifest --------------------------------------------------------------------------------
my %without = (
	'no entries' => [],
	'no manifest' => [ $pack[1] ],
	'another ending of a name' => [ { name => 'my-pack.json', content => $manifest } ],
	'another case' => [ { name => 'PACK.JSON', content => $manifest } ],
	'a resource fork' => [ { name => '__MACOSX/pack.json', content => $manifest } ],
	'a hidden file' => [ { name => '._pack.json', content => $manifest } ],
	'a folder' => [ { name => 'pack.json/', method => 0 } ]);
is_refused(zip_of($without{$_}), '400 archive_invalid', qr/pack\.json not found/, "no pack.json: $_")
  for sort keys %without;
is_refused(zip_of([ map { { name => "$_/pack.json", content => $manifest } } qw(x y) ]),
	'400 archive_invalid', qr{more than one pack\.json: "x/pack\.json" and "y/pack\.json"}, 'two packs');
($status) = upload(with({ name => 'old/pack.json', content => '{' }));
is($status, 200, 'the shallowest pack.json is the one');
($status) = upload(zip_of([ { name => 'deep/er/pack.json', content => '{' },
			map { { %$_, name => "p/$_->{name}" } } @pack ]));
is($status, 200, 'also behind a deeper one');

# ---- names ---------------------------------------------------------------------------------------
for my $name ('../a.json', 'x/../../a.json', 'x/..', '..', '/etc/passwd', '//x', 'C:/x', 'c:x', 'x\\y', '..\\x',
	'x//y', "x\ny", "x\x7fy", '')
{
	is_refused(with({ name => $name }), '400 archive_invalid', qr/not a plain relative path/,
		'a name: ' . ($name =~ s/[^\x20-\x7e]/?/gr));
}
is_refused(with({ name => $_->[1] }), '400 archive_invalid', qr/has a null byte or is too long \(entry 3\)/, "a name: $_->[0]")
  for [ 'with a null byte', "x\0y" ], [ 'very long', 'x' x 1025 ];
is_refused(with({ name => $_ }), '400 archive_invalid', qr/not a plain relative path/, 'a name that is not UTF-8 and leads up')
  for "../\xe9.json", "/\xe9.json";
is_refused(with({ name => 'a.json', content => '{}' }), '400 archive_invalid', qr/"a\.json" is in the archive twice/,
	'a name twice');
is_refused(with({ name => 'pack.json', content => '{}' }), '400 archive_invalid', qr/"pack\.json" is in the archive twice/,
	'the manifest twice');
is_refused(saying(local => { name => 'b.json' }), '400 archive_invalid',
	qr/"a\.json" in the archive has another name in front of its data/, 'two names for one file');
is_refused(saying(local => { name => 'a.json2' }), '400 archive_invalid', qr/has another name/, 'a longer name');

# ---- what is no plain file -----------------------------------------------------------------------
is_refused(saying(local => { flags => $_ }, central => { flags => $_ }), '400 archive_invalid',
	qr/"a\.json" in the archive is encrypted/, "encrypted, flags $_")
  for 1, 0x41, 0x2000;
is_refused(saying(local => { flags => 1 }), '400 archive_invalid', qr/"a\.json".* encrypted/, 'encrypted, in front');
is_refused(saying(central => { attributes => $_->[1] << 16 }), '400 archive_invalid',
	qr/"a\.json" in the archive is no regular file/, $_->[0])
  for [ 'a symbolic link', 0120777 ], [ 'a device', 0020666 ], [ 'a block device', 0060660 ], [ 'a socket', 0140755 ],
  [ 'a FIFO, as which zip stores its standard input', 0010644 ];
is_refused(with({ name => 'folder/', data => deflate(''), central => { attributes => $_->[1] << 16 } }), '400 archive_invalid',
	qr/"folder\/" in the archive is no regular file/, "$_->[0], by the name of a folder")
  for [ 'a symbolic link', 0120777 ], [ 'a device', 0020666 ], [ 'a FIFO', 0010644 ];
is_refused(saying(method => $_, data => $document), '400 archive_invalid', qr/"a\.json".* another way than deflate/,
	"compression method $_")
  for 1, 6, 9, 12, 14, 93, 95, 98, 99;
is_refused(saying(local => { method => 0 }), '400 archive_invalid', qr/"a\.json".* another way/, 'two methods for one file');

# ---- sizes and checksums -------------------------------------------------------------------------
for my $say (qw(local central both))
{
	my $lie = sub { return $say eq 'both' ? (local => {@_}, central => {@_}) : ($say => {@_}); };

	is_refused(saying($lie->(size => $_)), '400 archive_invalid', qr/"a\.json" in the archive is broken/,
		"size $_ instead of $length, $say")
	  for 1, $length - 1, $length + 1, 0xfffffff0;
	is_refused(saying($lie->(crc => 1)), '400 archive_invalid', qr/"a\.json" in the archive is broken/,
		"a wrong checksum, $say");
}
is_refused(saying(local => { compressed => 3 }, central => { compressed => 3 }), '400 archive_invalid',
	qr/"a\.json" in the archive is broken/, 'less data than it needs');
is_refused(saying(data => deflate($document) . 'x'), '400 archive_invalid', qr/"a\.json" in the archive is broken/,
	'more data than it needs');
is_refused(saying(method => 0, size => $length, data => $document . 'x'), '400 archive_invalid',
	qr/"a\.json" in the archive is broken/, 'more data than it says, stored');
for my $fact (qw(crc compressed size))
{
	is_refused(saying(local => { flags => 8, crc => 0, compressed => 0, size => 0, $fact => 1 }, central => { flags => 8 }),
		'400 archive_invalid', qr/"a\.json" in the archive is broken/, "a stream with another $fact in front");
	is_refused(saying(local => { $fact => 0 }), '400 archive_invalid', qr/"a\.json" in the archive is broken/,
		"no $fact in front, and no stream");
}
is_refused(saying(data => "\xff" x 50), '400 archive_invalid', qr/"a\.json" in the archive is broken/, 'no deflate');
is_refused(with({ name => 'notes.bin', content => 'x', data => "\xff" x 50 }), '400 archive_invalid',
	qr/"notes\.bin" in the archive is broken/, 'also in a file that is not wanted');
for my $extra (pack('v2 Q2', 1, 16, 1 << 40, 1 << 40), pack('v2', 1, 16), pack('v2 Q', 1, 400, 1))
{
	is_refused(saying(local => { extra => $extra, size => 0xffffffff, compressed => 0xffffffff },
			central => { extra => $extra, size => 0xffffffff, compressed => 0xffffffff }),
		'400 archive_invalid', qr/broken/, 'sizes of zip64 that are lies');
}

for my $lie ([ $length + 1, $packed ], [ $length, $packed - 1 ], [ $length | 1 << 32, $packed ])
{
	is_refused(saying(local => { %in_zip64, extra => pack('v2 Q2', 1, 16, @$lie) }), '400 archive_invalid',
		qr/"a\.json" in the archive is broken/, "sizes of zip64 in front that are lies: @$lie");
}

# ---- the structure -------------------------------------------------------------------------------
is_refused(zip_of(\@pack, prefix => 'MZ' . 'x' x 100), '400 archive_invalid', qr/data in front/, 'a program in front');
is_refused("junk$right", '400 archive_invalid', qr/data in front/, 'bytes in front');
is_refused($right . 'junk', '400 archive_invalid', qr/data behind/, 'bytes behind');
is_refused($right . $right, '400 archive_invalid', qr/data in front/, 'two archives');
is_refused(zip_of(\@pack, comment => 'x' x 30, suffix => zip_of([])), '400 archive_invalid', qr/archive/, 'an empty one behind');
is_refused(zip_of(\@pack, comment => zip_of([])), '400 archive_invalid', qr/archive/, 'an end in the comment');
{
	my $split = $right;
	substr($split, -18, 4) = "\xff" x 4;
	is_refused($split, '400 archive_invalid', qr/split/, 'disks that are left to an end of zip64 that is not there');
}
is_refused(zip_of(\@pack, before_end => pack('a4 V Q V', "PK\6\7", 0, 0, 1)), '400 archive_invalid', qr/archive/, 'a zip64 end');
is_refused(zip_of([ $pack[0], { %{ $pack[1] }, central => { comment => pack('a4 V Q V', "PK\6\7", 0, 0, 1) } } ]),
	'400 archive_invalid', qr/zip64/, 'a zip64 end in a comment');
for my $lie ({ entries => 1 }, { entries => 3 }, { entries => 1 << 40 }, { directory_size => 1 }, { directory_offset => 1 }, { directory_offset => 1 << 32 },
	{ disk => 1 }, { record_size => 45 }, { record_offset => 0 }, { record_offset => 1 << 32 })
{
	is_refused(zip_of(\@pack, zip64 => $lie), '400 archive_invalid', qr/archive has/, "a zip64 end that lies: @{[%$lie]}")
	  unless ($lie->{entries} // 0) > 10_000;
	is_refused(zip_of(\@pack, zip64 => $lie), '413 payload_too_large', qr/at most 10000 entries/, 'very many entries in zip64')
	  if ($lie->{entries} // 0) > 10_000;
}
is_refused(zip_of(\@pack, zip64 => {}, end => $_), '400 archive_invalid', qr/zip64 end that says something else/, "two ends: @{[%$_]}")
  for { entries => 1 }, { directory_size => 1 }, { directory_offset => 0 };
is_refused(zip_of(\@pack, zip64 => {}, before_end => 'x', end => { entries => 2 }), '400 archive_invalid', qr/archive has/, 'a zip64 end elsewhere');
# (versions are nobody's business, nor how many disks there are)
for my $at (grep { my $behind = $_ - (length($all) - 98); $behind < 12 || ($behind > 15 && $behind < 72) } length($all) - 98 .. length($all) - 23)
{
	my $changed = $all;

	substr($changed, $at, 1) ^= "\x01";
	($status, $json) = upload($changed);
	like($status, qr/^4(00|13)$/, "a changed byte of a zip64 end, at $at") or diag explain $json;
}
is_refused(zip_of(\@pack, end => { entries => $_ }), '400 archive_invalid', qr/directory/, "$_ entries instead of 2")
  for 1, 3;
is_refused(zip_of(\@pack, end => { disk => 1 }), '400 archive_invalid', qr/split/, 'a second disk');
is_refused(zip_of(\@pack, end => { directory_offset => $_ }), '400 archive_invalid', qr/archive/, "a directory at $_")
  for 0, 0xffffffff, length($right) + 1;
is_refused(saying(central => { offset => $_ }), '400 archive_invalid', qr/"a\.json"/, "data at $_")
  for 0, 7, 0xffffffff, length $right;
is_refused(zip_of([ @pack, { name => 'a.json', content => $document, central => { name => 'b.json', offset => 0 } } ]),
	'400 archive_invalid', qr/"b\.json".* another name/, 'the data of another file');
my $inner = { name => 'b.json', content => '{}', method => 0 };
my $outer = { name => 'outer', content => substr(zip_of([$inner]), 0, 38), method => 0 };
is_refused(zip_of([ $outer, @pack, { %$inner, central => { offset => 35 } } ]), '400 archive_invalid',
	qr/"b\.json" in the archive shares its data with another/, 'a file within a file');

# ---- texts ---------------------------------------------------------------------------------------
is_refused(zip_of([ { name => 'pack.json', content => "{\"id\": \"\xff\"}" } ]), '400 invalid_encoding',
	qr/"pack\.json" is not valid UTF-8/, 'a manifest in Latin-1');
is_refused(zip_of([ { name => 'pack.json', content => "{}\0" } ]), '400 invalid_text', qr/"pack\.json" has a null byte/,
	'a manifest with a null byte');
is_refused(saying(content => "{\"\xed\xa0\x80\": 1}"), '400 invalid_encoding', qr/"a\.json" is not valid UTF-8/,
	'a document that is no UTF-8');
is_refused(saying(content => "{}\0"), '400 invalid_text', qr/"a\.json" has a null byte/, 'a document with a null byte');
is_refused(zip_of([ { name => 'pack.json', content => $right, method => 0 } ]), '400 invalid_text', qr/"pack\.json"/,
	'an archive as a manifest');
for my $deep ('[' x 15_000 . ']' x 15_000, '{"a":' x 15_000 . 1 . '}' x 15_000)
{
	# stored, or it would be refused as a bomb
	is_refused(zip_of([ $pack[0], { name => 'a.json', content => $deep, method => 0 } ]), '400 too_deep',
		qr/"a\.json".* nested too deeply/, 'a deep document');
	is_refused(zip_of([ { name => 'pack.json', content => $deep, method => 0 } ]), '400 too_deep',
		qr/"pack\.json".* nested too deeply/, 'a deep manifest');
}
is_refused(zip_of([ { name => 'pack.json', content => $manifest =~ s/"P"/1e999999/r }, $pack[1] ]), '400 out_of_range',
	qr/"pack\.json".* number that is out of range/, 'a number in the manifest that is too large');
is_refused(zip_of([ { name => 'pack.json', content => '{"challenges": [' . join(',', ('{}') x 30_000) . ']}', method => 0 } ]),
	'422 document_invalid', qr/the pack breaks the rules/, 'a manifest of very many values');
for my $encoding ([ '', 'n' ], [ '', 'v' ], [ "\xfe\xff", 'n' ], [ "\xff\xfe", 'v' ])
{
	my $wide = sub { $encoding->[0] . pack("$encoding->[1]*", unpack('C*', $_[0])) };

	is_refused(zip_of([ { name => 'pack.json', content => $wide->($manifest) }, $pack[1] ]), '400 invalid_encoding',
		qr/"pack\.json" is UTF-16, and must be UTF-8/, 'a manifest in UTF-16');
	is_refused(saying(content => $wide->($document)), '400 invalid_encoding', qr/"a\.json" is UTF-16/, 'a document in UTF-16');
	($status, $json) = upload(with({ name => 'b.json', content => $wide->($document) }));
	is_deeply([ $status, $json->{skipped_details}[0]{path} ], [ 200, 'b.json' ], 'a file in UTF-16 that is not named');
	($status, $json) = $shim->post('/cdf/import', $wide->($document));
	is_deeply([ $status, $json->{code} ], [ 400, 'invalid_encoding' ], 'a document by itself in UTF-16');
	like($json->{error}, qr/request body is UTF-16/, 'it says so');
}
is_refused(saying(content => $document =~ s/"A"/1e999999/r), '400 out_of_range', qr/"a\.json".* number that is out of range/,
	'a number that is too large');

# ---- amounts -------------------------------------------------------------------------------------
my $zeros = "\0" x (8 << 20);
is_refused(saying(content => $zeros), '413 payload_too_large', qr/inflates to more than 100 times.*"a\.json"/, 'a bomb');
is_refused(saying(content => $zeros, local => { size => 9 }, central => { size => 9 }), '413 payload_too_large',
	qr/inflates to more/, 'a bomb that says it is small');
is_refused(with({ name => 'bomb', content => $zeros }), '413 payload_too_large', qr/inflates to more.*"bomb"/,
	'a bomb beside the pack');
is_refused(with({ name => '__MACOSX/._x', content => $zeros }), '413 payload_too_large', qr/inflates to more/,
	'a bomb among what is ignored');
is_refused(zip_of([ @pack, map { { name => "f$_" } } 1 .. 10_000 ]), '413 payload_too_large',
	qr/at most 10000 entries/, 'very many entries');

# Files whose data is the rest of the archive, each a bit further behind: few bytes, much that comes out.
my $kernel = deflate("\0" x 1_000_000);
my @layers = map { { name => "l$_", content => "\0" x 1_000_000, data => $kernel } } 1 .. 20;
is_refused(zip_of([ @pack, @layers ]), '413 payload_too_large', qr/inflates to more/, 'many small bombs');

draw_from(4);
my $noise = join '', map { chr(rand 256) } 1 .. 500_000;
my $text = join('', map { sprintf '%08x', rand(1 << 32) } 1 .. 500) x 4500;
is_refused(with({ name => 'noise', content => $noise, method => 0 }, { name => 'text', content => $text }),
	'413 payload_too_large', qr/"text" in the archive is larger than 16777216 bytes/, 'a large file');
is_refused(
	with({ name => 'noise', content => $noise, method => 0 },
		map { { name => "text$_", content => substr($text, 0, 12_000_000) } } 1 .. 3),
	'413 payload_too_large', qr/larger than 33554432 bytes in all, at "text3"/, 'large files');
is_refused(with({ name => 'noise', content => $noise x 34, method => 0 }), '413 payload_too_large',
	qr/at most 16777216 bytes/, 'a large archive');
is_refused(zip_of([ $pack[0], { %{ $pack[1] }, content => substr($text, 0, 1_100_000) }, { name => 'noise', content => $noise, method => 0 } ]), '413 payload_too_large', qr/"a\.json" is larger than a document may be/, 'a large document');
is_refused(saying(content => '[' . '{},' x 20_000 . '0]'), '413 payload_too_large', qr/"a\.json": document has more than 20000 values/, 'one of many values');

# ---- any byte changed ----------------------------------------------------------------------------
# What a header says of versions, times and attributes matters to nobody, and the flags to none but a few bits of
# theirs.  The last bits of a deflated stream are padding.  All else is seen.
my (%unseen, %either);
for (my $at = 0; ($at = index($right, "PK\3\4", $at)) >= 0; $at++)
{
	my ($size, $name, $extra) = unpack('x18 V x4 v2', substr($right, $at, 30));

	$unseen{ $at + $_ } = 1 for 4, 5, 10 .. 13;
	$either{ $at + $_ } = 1 for 6, 7, 29 + $name + $extra + $size;
}
for (my $at = 0; ($at = index($right, "PK\1\2", $at)) >= 0; $at++)
{
	$unseen{ $at + $_ } = 1 for 4, 6, 7, 12 .. 15, 36 .. 40;
	$either{ $at + $_ } = 1 for 5, 8, 9, 41;
}
for (1 .. ($ENV{EDURANGE_LONG} ? 40 : 1))
{
	for my $at (0 .. length($right) - 1)
	{
		my $changed = $right;
		my $want = $unseen{$at} ? qr/^200$/ : $either{$at} ? qr/^(200|400|413)$/ : qr/^4(00|13|22)$/;

		substr($changed, $at, 1) ^= chr(1 + rand 255);
		($status, $json) = upload($changed);
		ok($status =~ $want && ($status == 200 || $json->{error} && $json->{code}), "a changed byte at $at: $status") or diag explain $json;
	}
}

is($node->safe_psql('edurange', q{SELECT (SELECT count(*) FROM "ChallengePack"), (SELECT count(*) FROM "Challenge")}),
	'0|0', 'nothing was installed');
is((upload($right))[0], 200, 'and the service goes on');

done_testing();
