# Zip files byte by byte, right ones and such as no tool would write.
#
#   zip_of([ { name => 'pack.json', content => '{}' }, … ], prefix => 'junk')
#
# An entry may say anything about itself in front of its data (local => {…}) and in the directory
# (central => {…}): name, version, made_by, flags, method, crc, compressed, size, attributes, offset, extra,
# comment.  What it does not say is what is true.  The archive takes: prefix and suffix, bytes around
# it; comment; end => {…} for entries, directory_size, directory_offset and disk of its end record; zip64 =>
# {…} for one of zip64 before that, with the same and record_size, record_offset, and what it leaves to that
# one has ones in the end record unless end says otherwise.

package Edurange::Zip;

use strict;
use warnings;

use Compress::Raw::Zlib;
use Exporter 'import';

our @EXPORT_OK = qw(zip_of deflate);

use constant UNIX => 3 << 8;
use constant REGULAR_FILE => 0100644 << 16;

# The bytes as a raw deflate stream.
sub deflate
{
	my ($bytes) = @_;
	my ($stream) = Compress::Raw::Zlib::Deflate->new(-WindowBits => -MAX_WBITS, -AppendOutput => 1);
	my $out = '';

	$stream->deflate($bytes, $out);
	$stream->flush($out);
	return $out;
}

# What is true of an entry.
sub _facts
{
	my ($entry, $offset) = @_;
	my $content = $entry->{content} // '';
	my $method = $entry->{method} // 8;
	my $data = $entry->{data} // ($method == 8 ? deflate($content) : $content);

	return (
		version => 20,
		made_by => UNIX | 20,
		flags => 0,
		method => $method,
		crc => crc32($content),
		compressed => length $data,
		size => length $content,
		name => $entry->{name},
		extra => '',
		comment => '',
		disk => 0,
		attributes => REGULAR_FILE,
		offset => $offset,
		data => $data);
}

sub zip_of
{
	my ($entries, %options) = @_;
	my $out = $options{prefix} // '';
	my $directory = '';

	for my $entry (@$entries)
	{
		my %facts = _facts($entry, length $out);
		my %local = (%facts, %{ $entry->{local} // {} });
		my %central = (%facts, %{ $entry->{central} // {} });

		$out .= pack('a4 v5 V3 v2', "PK\3\4", @local{qw(version flags method)}, 0, 0x5821,
			@local{qw(crc compressed size)}, length $local{name}, length $local{extra})
		  . $local{name} . $local{extra} . $facts{data} . ($entry->{behind} // '');
		$directory .= pack('a4 v6 V3 v5 V2', "PK\1\2", @central{qw(made_by version flags method)}, 0, 0x5821,
			@central{qw(crc compressed size)}, length $central{name}, length $central{extra},
			length $central{comment}, $central{disk}, 0, @central{qw(attributes offset)})
		  . $central{name} . $central{extra} . $central{comment};
	}
	my %true = (
		disk => 0,
		entries => scalar @$entries,
		directory_size => length $directory,
		directory_offset => length $out);
	my %end = (%true, %{ $options{end} // {} });
	my $comment = $options{comment} // '';
	my $zip64 = '';

	if ($options{zip64})
	{
		my %record = (%true, record_size => 44, record_offset => length($out) + length($directory), %{ $options{zip64} });
		my %ones = (entries => 0xffff, directory_size => 0xffffffff, directory_offset => 0xffffffff);

		%end = (%end, %ones, %{ $options{end} // {} });
		$zip64 = pack('a4 Q v2 V2 Q4', "PK\6\6", $record{record_size}, 45, 45, $record{disk}, 0,
			@record{qw(entries entries directory_size directory_offset)})
		  . pack('a4 V Q V', "PK\6\7", 0, $record{record_offset}, 1);
	}
	return $out . $directory . $zip64 . ($options{before_end} // '')
	  . pack('a4 v4 V2 v', "PK\5\6", $end{disk}, 0, @end{qw(entries entries directory_size directory_offset)},
		length $comment) . $comment . ($options{suffix} // '');
}

1;
