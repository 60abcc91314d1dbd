/**
 * A perl program that sends raw frames several times and prints what is said about their addresses meanwhile; why perl,
 * and why without modules: announce-program.ts.
 * Arguments: how often to send, and the milliseconds after each time. Standard input: lines of `DEV FRAME ADDRESS`, in
 * hex. Standard output: lines of `DEV FRAME`, each frame of ARP or neighbour discovery with one of the addresses in it,
 * once. Standard error: lines of `DEV: reason`, of devices on which frames could not be sent.
 */
export const PROBE_PROGRAM = String.raw`
use strict;
use warnings;

use constant { AF_PACKET => 17, SOCK_RAW => 3, SIOCGIFINDEX => 0x8933, MSG_DONTWAIT => 0x40 };
use constant { SOL_PACKET => 263, PACKET_ADD_MEMBERSHIP => 1, PACKET_MR_MULTICAST => 0 };
use constant { SOL_SOCKET => 1, SO_ATTACH_FILTER => 26, FRAMES => 1000, LENGTH => 256 };

my ($rounds, $interval) = @ARGV;
my (%socket, %index, %address, %reason, %heard, @frames);

while (my $line = <STDIN>) {
  my ($dev, $frame, $address) = $line =~ /^(\S+) ([0-9a-f]+) ([0-9a-f]+)$/ or die "no frame: $line";
  my $bytes = pack 'H*', $frame;
  $address{pack 'H*', $address} = 1;
  my $socket = socket_of($dev, substr $bytes, 12, 2) or next;
  join_group($socket, $dev, substr $bytes, 0, 6);
  push @frames, { dev => $dev, socket => $socket, bytes => $bytes };
}

for (1 .. $rounds) {
  send_round();
  last if !@frames;
  hear($interval / 1000);
}
print map { "$_\n" } sort keys %heard;
print STDERR map { "$_: $reason{$_}\n" } sort keys %reason;
exit 0;

# A socket for a device and an EtherType; it hears nothing before it is bound, when its filter is in place.
sub socket_of {
  my ($dev, $type) = @_;
  my $key = "$dev " . unpack 'H*', $type;
  return $socket{$key}{handle} if $socket{$key};
  return undef if $reason{$dev};
  socket(my $handle, AF_PACKET, SOCK_RAW, 0) or return failed($dev);
  my $request = pack 'a16 x24', $dev;
  ioctl $handle, SIOCGIFINDEX, $request or return failed($dev);
  $index{$dev} = unpack 'x16 i', $request;
  hear_discovery_alone($handle) if $type eq "\x86\xdd";
  bind $handle, pack 'S a2 i S C C x8', AF_PACKET, $type, $index{$dev}, 0, 0, 0 or return failed($dev);
  $socket{$key} = { handle => $handle, dev => $dev };
  return $handle;
}

sub failed {
  my ($dev) = @_;
  $reason{$dev} = "$!";
  return undef;
}

# An uplink may carry more packets than anybody could look at; without the filter they are looked at nevertheless.
sub hear_discovery_alone {
  my ($handle) = @_;
  my @program = (
    [0x30, 0, 0, 20],     # next header
    [0x15, 0, 4, 58],     # ICMPv6
    [0x30, 0, 0, 54],     # type
    [0x15, 1, 0, 135],    # solicitation
    [0x15, 0, 1, 136],    # advertisement
    [0x06, 0, 0, LENGTH], # take it
    [0x06, 0, 0, 0],      # drop it
  );
  my $code = join '', map { pack 'S C C L', @$_ } @program;
  setsockopt $handle, SOL_SOCKET, SO_ATTACH_FILTER, pack 'S x![L!] P', scalar @program, $code;
}

# The group of the question, where others ask the same, and that of the answers, all nodes.
sub join_group {
  my ($handle, $dev, $mac) = @_;
  return if substr($mac, 0, 2) ne "\x33\x33";
  for my $group ($mac, "\x33\x33\x00\x00\x00\x01") {
    setsockopt $handle, SOL_PACKET, PACKET_ADD_MEMBERSHIP,
      pack 'i S S a8', $index{$dev}, PACKET_MR_MULTICAST, 6, $group;
  }
}

sub send_round {
  for my $frame (@frames) {
    failed($frame->{dev}) if !defined send $frame->{socket}, $frame->{bytes}, 0;
  }
  @frames = grep { !$reason{$_->{dev}} } @frames;
}

# The time that is left is what select() says: perl's own clock has only seconds.
sub hear {
  my ($seconds) = @_;
  while ($seconds > 0) {
    my $ready = '';
    vec($ready, fileno $_->{handle}, 1) = 1 for values %socket;
    my $found;
    ($found, $seconds) = select $ready, undef, undef, $seconds;
    return if $found <= 0;
    for my $socket (grep { vec $ready, fileno $_->{handle}, 1 } values %socket) {
      defined recv $socket->{handle}, my $frame, LENGTH, MSG_DONTWAIT or next;
      next if keys %heard >= FRAMES || !grep { index($frame, $_) >= 0 } keys %address;
      $heard{"$socket->{dev} " . unpack 'H*', $frame} = 1;
    }
  }
}
`;
