/**
 * Perl programs that run inside a VRF. Why perl: Node has no getsockopt(). Numbers instead of modules, which would take
 * longer to load than the rest takes: AF_INET 2, SOCK_DGRAM 2, SOL_SOCKET 1, SO_BINDTODEVICE 25.
 */

/** Which device a new socket of this process is bound to; the empty string for none. */
const BOUND = String.raw`
use strict;
use warnings;

sub bound {
  socket my $socket, 2, 2, 0 or return "!$!";
  my $device = getsockopt $socket, 1, 25;
  return "!$!" if !defined $device;
  $device =~ s/\0.*//s;
  return $device;
}
`;

/**
 * Arguments: VRF, and a command to become, or none. Exit code 69 when this process is not bound; then the command does
 * not run. The signals that Node ignores get their defaults back.
 */
export const BOUND_PROGRAM = String.raw`${BOUND}
my ($vrf, @command) = @ARGV;
delete $ENV{PERL_BADLANG};
my $device = bound();
if ($device ne $vrf) {
  my $how = $device eq '' ? 'not bound to it' : $device =~ /^!(.*)/ ? "bound to a device that is gone ($1)" : "bound to $device";
  print STDERR "vmnet: a process that is put into VRF $vrf is $how; see vmnet vrf verify $vrf\n";
  exit 69;
}
exit 0 if !@command;
$SIG{$_} = 'DEFAULT' for qw(PIPE XFSZ);
{ no warnings; exec { $command[0] } @command }
print STDERR "vmnet: $command[0]: $!\n";
exit($! == 2 ? 127 : 126);
`;

/**
 * Arguments: VRF, 'repair' or 'look', and cgroups .../vrf/NAME. Joins each in turn and prints 'DEVICE CGROUP', where
 * DEVICE is that of a new socket there, or '!reason'. With 'repair' it runs ip vrf exec where that is not VRF: ip attaches the program
 * to the cgroup .../vrf/NAME of its own, so once again, whatever is attached there.
 */
export const CGROUP_PROGRAM = String.raw`${BOUND}
my ($vrf, $mode, $ip, @cgroups) = @ARGV;
for my $cgroup (@cgroups) {
  my $pid = fork;
  defined $pid or die "fork: $!";
  if ($pid == 0) { look($cgroup); exit 0 }
  waitpid $pid, 0;
}

sub look {
  my ($cgroup) = @_;
  $| = 1;
  open my $procs, '>', "$cgroup/cgroup.procs" or return print "!$! $cgroup\n";
  syswrite $procs, $$ or return print "!$! $cgroup\n";
  close $procs;
  my $device = bound();
  if ($mode eq 'repair' && $device ne $vrf) {
    system { $ip } $ip, 'vrf', 'exec', $vrf, '/bin/true';
    $device = bound();
  }
  $device =~ s/\s+/_/g;
  print "$device $cgroup\n";
}
`;
