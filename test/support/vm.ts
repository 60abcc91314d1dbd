// Virtual machines of the data centre: a namespace each, whose `eth0` is the guest's end of a tap.

import { inside, ip, ipBatch, must, type Place } from './command.ts';
import type { Datacentre, Node } from './datacentre.ts';
import { makeNamespace } from './topology.ts';

/** A NIC as the guest configures it. */
export interface GuestNic {
  readonly tap: string;
  readonly mac: string;
  /** With prefix length. */
  readonly ip?: string;
  readonly gateway?: string;
  readonly ip6?: string;
  readonly gateway6?: string;
}

export interface Vm extends Place {
  readonly name: string;
  readonly node: Node;
  readonly nic: GuestNic;
  /** The addresses of `nic` without prefix length. */
  readonly address: string;
  readonly address6: string;
}

/** A NIC on the routed segment: 192.0.2.NUMBER, and its EUI-64 address as a /128, since routed guests are off-link. */
export function routedNic(number: number, tap: string): GuestNic {
  const mac = macOf(number);
  return {
    tap,
    mac,
    ip: `192.0.2.${number}/24`,
    gateway: '192.0.2.1',
    ip6: `${eui64('2001:db8:993', mac)}/128`,
    gateway6: '2001:db8:993::1',
  };
}

/** A NIC on the bridged segment: 198.51.100.NUMBER and its EUI-64 address, on-link. */
export function bridgedNic(number: number, tap: string): GuestNic {
  const mac = macOf(number);
  return {
    tap,
    mac,
    ip: `198.51.100.${number}/24`,
    gateway: '198.51.100.1',
    ip6: `${eui64('2001:db8:992', mac)}/64`,
    gateway6: '2001:db8:992::1',
  };
}

/** Starts a VM: its tap is on the node, down and unconfigured, as a hypervisor hands it over. */
export async function startVm(datacentre: Datacentre, name: string, node: Node, nic: GuestNic): Promise<Vm> {
  const place = { ns: `${datacentre.prefix}-vm-${name}` };
  await makeNamespace(place);
  return plug(place, name, node, nic);
}

/** The tap vanishes here and a new one, with the same guest behind it, appears on the other node. */
export async function moveVm(vm: Vm, node: Node, tap: string = vm.nic.tap): Promise<Vm> {
  await stopVm(vm);
  return plug(vm, vm.name, node, { ...vm.nic, tap });
}

/** A live migration: the new tap is there, and the guest behind the old one until the returned function is called. */
export async function arriveVm(vm: Vm, node: Node, tap: string): Promise<() => Promise<Vm>> {
  const nic = { ...vm.nic, tap };
  await makeLink(vm, node, nic, 'arriving');
  return async () => {
    await stopVm(vm);
    await ip(vm, 'link', 'set', 'arriving', 'name', 'eth0');
    return configure(vm, vm.name, node, nic);
  };
}

/** The guest's addresses and routes, in place of what it had. */
export async function guestBecomes(vm: Place, { ip: ip4, gateway, ip6, gateway6 }: GuestNic): Promise<void> {
  await ip(vm, 'address', 'flush', 'dev', 'eth0', 'scope', 'global');
  for (const family of ['-4', '-6'])
    await ip(vm, family, 'route', 'flush', 'dev', 'eth0', 'scope', 'global').catch(() => undefined);
  await ip(vm, 'neighbour', 'flush', 'dev', 'eth0');
  await ipBatch(vm, [
    `address replace ${ip4} dev eth0`,
    `address replace ${ip6} dev eth0`,
    `route replace default via ${gateway} dev eth0`,
    `route replace ${gateway6}/128 dev eth0`,
    `route replace default via ${gateway6} dev eth0`,
  ]);
}

/** The tap vanishes, as at the end of QEMU. The namespace stays, for another move. */
export async function stopVm(vm: Vm): Promise<void> {
  await ip(vm, 'link', 'delete', 'eth0');
}

/** A real tap, which nobody has opened: enough where no traffic is needed. */
export async function makeTap(node: Node, tap: string): Promise<void> {
  await must(['ip', '-n', node.ns, 'tuntap', 'add', 'dev', tap, 'mode', 'tap']);
}

/** A frame on a link, byte for byte. */
export async function sendFrame(place: Place, ifname: string, frame: Uint8Array): Promise<void> {
  const { exitCode, stderr } = await inside(place, ['perl', '-e', SEND_FRAME, ifname], {
    input: Buffer.from(frame).toString('hex'),
  });
  if (exitCode !== 0) throw new Error(`cannot send a frame on ${ifname}: ${stderr.trim()}`);
}

/** AF_PACKET is 17, SOCK_RAW 3, SIOCGIFINDEX 0x8933; perl-base has no module that knows them. */
const SEND_FRAME = `
  socket(my $s, 17, 3, 0) or die "socket: $!";
  my $request = pack("a16 x24", $ARGV[0]);
  ioctl($s, 0x8933, $request) or die "$ARGV[0]: $!";
  my $to = pack("S n l S C C a8", 17, 0, unpack("x16 l", $request), 0, 0, 6, "");
  defined send($s, pack("H*", <STDIN>), 0, $to) or die "send: $!";
`;

async function plug(place: Place, name: string, node: Node, nic: GuestNic): Promise<Vm> {
  await makeLink(place, node, nic, 'eth0');
  return configure(place, name, node, nic);
}

async function makeLink(place: Place, node: Node, { tap, mac }: GuestNic, name: string): Promise<void> {
  const peer = ['peer', 'name', name, 'address', mac, 'netns', place.ns];
  await ip(node, 'link', 'add', tap, 'type', 'veth', ...peer);
}

async function configure(place: Place, name: string, node: Node, nic: GuestNic): Promise<Vm> {
  await ipBatch(place, [
    'link set eth0 up',
    ...(nic.ip === undefined ? [] : [`address add ${nic.ip} dev eth0`]),
    ...(nic.gateway === undefined ? [] : [`route add default via ${nic.gateway} dev eth0`]),
    ...(nic.ip6 === undefined ? [] : [`address add ${nic.ip6} dev eth0`]),
    ...(nic.gateway6 === undefined
      ? []
      : [`route replace ${nic.gateway6}/128 dev eth0`, `route add default via ${nic.gateway6} dev eth0`]),
  ]);
  return { ns: place.ns, name, node, nic, address: bare(nic.ip), address6: bare(nic.ip6) };
}

function bare(address: string | undefined): string {
  return address?.split('/')[0] ?? '';
}

/** The form of MAC that Ganeti gives its instances. */
function macOf(number: number): string {
  return `aa:00:00:35:6d:${number.toString(16).padStart(2, '0')}`;
}

/** RFC 4291 appendix A, for a /64 of three groups. Written out, so that tests do not ask vmnet what is right. */
function eui64(groups: string, mac: string): string {
  const [a = '', b = '', c = '', d = '', e = '', f = ''] = mac.split(':');
  const first = (Number.parseInt(a, 16) ^ 2).toString(16).padStart(2, '0');
  const tail = [`${first}${b}`, `${c}ff`, `fe${d}`, `${e}${f}`].map(group => group.replace(/^0+(?=.)/, ''));
  return `${groups}:0:${tail.join(':')}`;
}
