/**
 * A perl program that asks name servers for the name servers of the root, over UDP, all at once; it is run inside a VRF.
 * Arguments: servers as 4 or 16 bytes in hex. Standard output: lines of 'HEX CODE', CODE that of the answer; servers
 * without an answer are left out.
 */
export const DNS_PROGRAM = String.raw`
use strict;
use warnings;

use constant { AF_INET => 2, AF_INET6 => 10, SOCK_DGRAM => 2, MSG_DONTWAIT => 0x40, WAIT => 1.5, ROUNDS => 2 };

my %waiting = map { $_ => socket_to($_) } @ARGV;
my %query = map { $_ => pack('n6', int rand 65536, 0x0100, 1, 0, 0, 0) . pack('C n2', 0, 2, 1) } @ARGV;

for (1 .. ROUNDS) {
  send $waiting{$_}, $query{$_}, 0 for keys %waiting;
  hear(WAIT);
}

sub socket_to {
  my ($hex) = @_;
  my $bytes = pack 'H*', $hex;
  my $four = length $bytes == 4;
  my $name = $four ? pack 'S n a4 x8', AF_INET, 53, $bytes : pack 'S n L a16 L', AF_INET6, 53, 0, $bytes, 0;
  socket my $socket, $four ? AF_INET : AF_INET6, SOCK_DGRAM, 0 or die "socket: $!\n";
  connect $socket, $name;
  return $socket;
}

# The time that is left is what select() says: perl's own clock has only seconds. An error, such as a refused port, is
# ready as well, and no answer.
sub hear {
  my ($seconds) = @_;
  while ($seconds > 0 && %waiting) {
    my $ready = '';
    vec($ready, fileno $_, 1) = 1 for values %waiting;
    my $found;
    ($found, $seconds) = select $ready, undef, undef, $seconds;
    return if $found <= 0;
    for my $hex (grep { vec $ready, fileno $waiting{$_}, 1 } keys %waiting) {
      my $answer;
      if (!defined recv $waiting{$hex}, $answer, 4096, MSG_DONTWAIT) { select undef, undef, undef, 0.05; next }
      next if length $answer < 12 || substr($answer, 0, 2) ne substr $query{$hex}, 0, 2;
      print "$hex ", ord(substr $answer, 3, 1) & 15, "\n";
      delete $waiting{$hex};
    }
  }
}
`;
