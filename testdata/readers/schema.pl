# The subschema as Net::LDAP::Schema reads it, one definition a line.
use strict;
use Net::LDAP;

sub names { join ',', sort map lc, grep defined, @_ }
sub one { my $v = shift; lc(ref $v ? $v->[0] // '' : $v // '') }

my $ldap = Net::LDAP->new($ARGV[0]) or die $@;
my $schema = $ldap->schema or die 'no schema';
die $schema->error if $schema->error;
my @lines;
for my $a ($schema->all_attributes) {
  push @lines, join '|', 'attribute', $a->{oid}, names($a->{name}, @{ $a->{aliases} || [] }), one($a->{sup}), one($a->{equality}),
    one($a->{ordering}), one($a->{substr}), one($a->{syntax}), $a->{'single-value'} ? 'single' : '',
    $a->{'no-user-modification'} ? 'kept' : '', one($a->{usage});
}
for my $c ($schema->all_objectclasses) {
  my ($kind) = grep $c->{$_}, qw(abstract auxiliary structural);
  push @lines, join '|', 'class', $c->{oid}, names($c->{name}, @{ $c->{aliases} || [] }), names(@{ $c->{sup} || [] }),
    $kind || 'structural', names(@{ $c->{must} || [] }), names(@{ $c->{may} || [] });
}
my %seen; # some come once for each name
print "$_\n" for grep !$seen{$_}++, sort @lines;
