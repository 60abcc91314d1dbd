/**
 * A perl program that sends raw frames: perl-base is on every Debian system, and Node has no packet sockets.
 * Arguments: the seconds after the first round at which to send again. Standard input: lines of `DEV TAP HEX`.
 * A frame is repeated only while its tap is the same link and in a network: a VM that has moved on is announced elsewhere by
 * then, and a late frame from here would take its traffic back.
 * It exits when the first round is out, 1 with the reasons on one line when a frame of it was refused; a forked child
 * stays for the repeats. No module is loaded: POSIX alone takes four times as long as all the rest.
 */
export const ANNOUNCE_PROGRAM = String.raw`
use strict;
use warnings;

use constant { AF_PACKET => 17, SOCK_RAW => 3, SIOCGIFINDEX => 0x8933, ENXIO => 6, ENODEV => 19 };

my @repeats = @ARGV;

# Protocol 0: the socket receives nothing, and its creation need not wait for the kernel.
socket(my $socket, AF_PACKET, SOCK_RAW, 0) or refuse("no packet socket: $!");

my (%index, %tap, %reason, @frames);
while (my $line = <STDIN>) {
  my ($dev, $tap, $hex) = $line =~ /^(\S+) (\S+) ([0-9a-f]+)$/ or refuse("no frame: $line");
  $index{$dev} //= index_of($dev);
  $tap{$tap} //= attachment_of($tap);
  push @frames, { dev => $dev, tap => $tap, bytes => pack('H*', $hex) } if $index{$dev};
}
exit 0 if !@frames && !%reason;
send_round();

# The child also takes over the last reference to the socket: closing it costs a grace period of some 10 ms.
my $child = fork;
$reason{fork} = "$!" if !defined $child;
repeat() if defined $child && $child == 0;
refuse(join ', ', map { "$_: $reason{$_}" } sort keys %reason) if %reason;
exit 0;

sub index_of {
  my ($dev) = @_;
  my $request = pack 'a16 x24', $dev;
  return unpack 'x16 i', $request if ioctl $socket, SIOCGIFINDEX, $request;
  $reason{$dev} = "$!";
  return 0;
}

# Link index and link group; a tap that was detached has group 0, and one of the same name made anew another index.
sub attachment_of {
  my ($tap) = @_;
  return join ' ', map { read_line("/sys/class/net/$tap/$_") } qw(ifindex netdev_group);
}

sub read_line {
  my ($file) = @_;
  open my $handle, '<', $file or return 'none';
  my $line = <$handle> // 'none';
  chomp $line;
  return $line;
}

# An index is never used again, so frames for a device that vanished are dropped and never reach another one.
sub send_round {
  my %gone;
  for my $frame (@frames) {
    # struct sockaddr_ll; the protocol is the frame's own EtherType.
    my $to = pack 'S a2 i S C C x8', AF_PACKET, substr($frame->{bytes}, 12, 2), $index{$frame->{dev}}, 0, 0, 0;
    next if defined send $socket, $frame->{bytes}, 0, $to;
    $reason{$frame->{dev}} = "$!";
    $gone{$frame->{dev}} = 1 if $! == ENXIO || $! == ENODEV;
  }
  @frames = grep { !$gone{$_->{dev}} } @frames;
}

# Holds nothing of the caller's: who started it waits for the end of these pipes.
sub repeat {
  open STDIN, '<', '/dev/null' or exit 1;
  open STDOUT, '>', '/dev/null' or exit 1;
  open STDERR, '>', '/dev/null' or exit 1;
  close_others();
  $0 = 'vmnet announce';
  my $past = 0;
  for my $at (@repeats) {
    last if !@frames;
    select undef, undef, undef, $at - $past;
    $past = $at;
    @frames = grep { attachment_of($_->{tap}) eq $tap{$_->{tap}} } @frames;
    send_round();
  }
  exit 0;
}

sub close_others {
  opendir my $dir, '/proc/self/fd' or return;
  my @open = grep { /^\d+$/ && $_ > 2 && $_ != fileno $socket } readdir $dir;
  closedir $dir;
  for my $fd (@open) {
    open my $handle, '<&=', $fd or next;
    close $handle;
  }
}

sub refuse {
  my ($text) = @_;
  $text =~ s/\s+/ /g;
  print STDERR "$text\n";
  exit 1;
}
`;
