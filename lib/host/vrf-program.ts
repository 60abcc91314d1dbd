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

/**
 * Arguments: VRF, the number of its device, the number of the system call bpf on this machine, and the directory of a
 * cgroup that this process is in. Binds every socket that is made in that cgroup from now on, by the program that
 * `ip vrf exec` attaches to cgroups of its own, and looks whether it does.
 */
export const BIND_PROGRAM = String.raw`${BOUND}
my ($vrf, $index, $call, $cgroup) = @ARGV;
use constant { PROG_LOAD => 5, PROG_ATTACH => 8, CGROUP_SOCK => 9, SOCK_CREATE => 2, ALLOW_MULTI => 2 };

# r2 = index; context->bound_dev_if = r2; r0 = 1; exit. Registers are nibbles, whose order is that of the machine.
my $little = unpack('C', pack 'S', 1) == 1;
my $program = join '', map { pack 'C C s l', @$_ } [0xb7, $little ? 0x02 : 0x20, 0, $index],
  [0x63, $little ? 0x21 : 0x12, 0, 0], [0xb7, 0, 0, 1], [0x95, 0, 0, 0];
my $license = "GPL\0";
my $load = pack 'L L P x![Q] P x![Q] L L Q L L', CGROUP_SOCK, 4, $program, $license, 0, 0, 0, 0, 0;
my $handle = syscall($call + 0, PROG_LOAD, $load, length $load);
fail('load the program') if $handle < 0;
open my $directory, '<', $cgroup or fail("open $cgroup");
my $attach = pack 'L L L L', fileno $directory, $handle, SOCK_CREATE, ALLOW_MULTI;
fail("attach it to $cgroup") if syscall($call + 0, PROG_ATTACH, $attach, length $attach) < 0;
my $device = bound();
exit 0 if $device eq $vrf;
print STDERR "a process in $cgroup is not bound to $vrf nevertheless\n";
exit 69;

sub fail {
  my ($what) = @_;
  print STDERR "cannot $what: $!\n";
  exit 1;
}
`;
