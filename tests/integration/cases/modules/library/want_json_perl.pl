#!/usr/bin/perl
# WANT_JSON
use strict;
use JSON::PP;
open(my $file, '<', $ARGV[0]) or die "no arguments: $!";
local $/;
my $arguments = decode_json(<$file>);
print encode_json({changed => JSON::PP::false, value => $arguments->{value}});
