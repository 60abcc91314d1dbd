import { VmnetError } from '../errors.ts';
import { type Address, addressBytes, contains, parsePrefix } from '../model/address.ts';
import { escapeUnit } from './unit-name.ts';

/** A name server, and who says that it is one for this VRF. */
export interface NameServer {
  readonly address: Address;
  readonly source: string;
}

/** What is known of one port of the VRF; texts as the tools print them and keep them. */
export interface PortDns {
  readonly name: string;
  /** What `resolvectl dns PORT` prints. */
  readonly resolvectl?: string;
  /** Leases of dhclient or systemd-networkd; `DNS=` lines of networkd's form are those of vmnet's own hooks as well. */
  readonly lease?: string;
}

export interface DnsFacts {
  /** The text of /etc/resolv.conf; glibc and musl ask 127.0.0.1 when there is none. */
  readonly resolvConf: string | undefined;
  /** `dns =` of [vrf NAME]. */
  readonly configured: readonly Address[];
  readonly ports: readonly PortDns[];
}

export interface DnsPlan {
  /**
   * Loopback addresses that resolv.conf names: every program asks them, in a VRF as well, and there they are addresses of
   * the VRF. None: resolv.conf names servers themselves, and a program in the VRF asks them directly.
   */
  readonly stubs: readonly Address[];
  /** Whom a query in the VRF reaches in the end. */
  readonly servers: readonly NameServer[];
}

/** Which first: what the administrator wrote, what is in use now, what a lease says, what resolv.conf names itself. */
export function dnsPlan({ resolvConf, configured, ports }: DnsFacts): DnsPlan {
  const named = nameservers(resolvConf ?? '');
  const asked = named.length === 0 ? [LOCALHOST] : named;
  const stubs = asked.filter(isLoopback);
  const direct = asked.filter(address => !isLoopback(address));
  if (stubs.length === 0) return { stubs, servers: from('/etc/resolv.conf', direct) };
  const candidates = [
    from('dns = of the configuration', configured),
    ports.flatMap(({ name, resolvectl = '' }) =>
      from(`resolvectl dns ${name}`, addressesIn(resolvectl.replace(/^Link.*?:/gm, ''))),
    ),
    ports.flatMap(({ name, lease = '' }) => from(`the lease of ${name}`, leaseServers(lease, name))),
    from('/etc/resolv.conf', direct),
  ];
  return { stubs, servers: candidates.find(servers => servers.length > 0) ?? [] };
}

const LOCALHOST: Address = { family: 4, text: '127.0.0.1' };

function from(source: string, addresses: readonly Address[]): readonly NameServer[] {
  // A stub as the server of its own forwarder would go round in a circle.
  return addresses.filter(address => !isLoopback(address)).map(address => ({ address, source }));
}

/** resolv.conf(5): the keyword at the start of the line; the resolvers take no more than three. */
function nameservers(text: string): readonly Address[] {
  const lines = [...text.matchAll(/^nameserver[ \t]+(\S+)/gm)].map(([, word = '']) => word);
  return lines.flatMap(anyAddress).slice(0, 3);
}

function leaseServers(text: string, port: string): readonly Address[] {
  const lines = [...text.matchAll(/^DNS=(.*)$/gm)].map(([, line = '']) => line);
  if (lines.length > 0) return addressesIn(lines.join(' '));
  return [...dhclientServers(text, 'lease', port), ...dhclientServers(text, 'lease6', port)];
}

/** dhclient appends: the last lease of the interface counts. */
function dhclientServers(text: string, kind: 'lease' | 'lease6', port: string): readonly Address[] {
  const blocks = [...text.matchAll(new RegExp(`^${kind} \\{(.*?)^\\}`, 'gms'))].map(
    ([, block = '']) => block,
  );
  const own = blocks.filter(block => block.includes(`interface "${port}";`)).at(-1) ?? '';
  const option = /option (?:dhcp6\.name-servers|domain-name-servers) ([^;]*);/.exec(own);
  return addressesIn(option?.[1] ?? '');
}

function addressesIn(text: string): readonly Address[] {
  return text.split(/[\s,]+/).flatMap(anyAddress);
}

/**
 * An address of a name server, loopback or not. A server at a link-local address needs its port beside it, which no stub
 * can be told here, so it is passed over; resolvectl appends `#NAME` and `:PORT` for DNS over TLS, passed over too.
 */
function anyAddress(word: string): Address[] {
  try {
    const { family, address } = parsePrefix(`${word}/${word.includes(':') ? 128 : 32}`, '');
    const parsed: Address = { family, text: address };
    return LINK_LOCAL.some(prefix => contains(prefix, parsed)) ? [] : [parsed];
  } catch (thrown) {
    if (thrown instanceof VmnetError) return [];
    throw thrown;
  }
}

const LINK_LOCAL = [parsePrefix('169.254.0.0/16', ''), parsePrefix('fe80::/10', '')];

function isLoopback(address: Address): boolean {
  const bytes = addressBytes(address);
  return address.family === 4 ? bytes[0] === 127 : address.text === '::1';
}

/** What dnsmasq is told: the stub's addresses and nothing else to listen on, the VRF's servers and nothing else to ask. */
export function dnsmasqText(vrf: string, { stubs, servers }: DnsPlan): string {
  return [
    `# DNS in VRF ${vrf}, written anew by vmnet-dns@.service at each start; see vmnet vrf dns ${vrf}.`,
    'bind-interfaces',
    ...stubs.map(({ text }) => `listen-address=${text}`),
    // Programs have read /etc/hosts themselves by the time that they ask.
    'no-hosts',
    'no-resolv',
    'no-poll',
    ...servers.flatMap(({ address, source }) => [`# ${source}`, `server=${address.text}`]),
    'cache-size=1000',
    'pid-file=',
    'log-facility=-',
    '',
  ].join('\n');
}

export function dnsUnit(vrf: string): string {
  return `vmnet-dns@${escapeUnit(vrf)}`;
}

/** What there is in the VRF at the moment. */
export interface DnsState {
  readonly vrf: string;
  /** Addresses of the VRF's own device. */
  readonly addresses: readonly string[];
  /** Lines of `ss -Hlun`: what listens on UDP, in every VRF and outside. */
  readonly listeners: string;
  /** Whether the tables of VRFs come before table local, IPv4 and IPv6. */
  readonly localLater: boolean;
}

/** What a query does now, in lines for people. */
export function explainDns({ stubs, servers }: DnsPlan, state: DnsState): readonly string[] {
  const { vrf, addresses, listeners, localLater } = state;
  const asked = servers.map(({ address, source }) => `${address.text} (${source})`).join(', ');
  if (stubs.length === 0) {
    return [
      `outside: programs ask ${asked} directly, as /etc/resolv.conf says`,
      `in ${vrf}: programs ask the same servers directly, by the routes of ${vrf}; no forwarder is needed where they are reached`,
    ];
  }
  const lines = stubs.flatMap(({ text }) => [
    `outside: programs ask ${text}, as /etc/resolv.conf says${listensAt(listeners, text, 'lo') || listensAt(listeners, text, undefined) ? '' : '; nobody listens there'}`,
    ...insideStub(text),
  ]);
  return [
    ...lines,
    asked === ''
      ? `no name server is known for ${vrf}: add dns = to [vrf ${vrf}]`
      : `${dnsUnit(vrf)} asks ${asked}, by the routes of ${vrf}`,
  ];

  function insideStub(text: string): readonly string[] {
    if (!addresses.includes(text))
      return [
        `in ${vrf}: programs ask ${text} too, which is no address of ${vrf}: queries fail; vmnet vrf dns ${vrf} --conf adds it`,
      ];
    if (!localLater)
      return [
        `in ${vrf}: programs ask ${text} too, and while table local comes before the VRFs it is that of lo, out of reach: queries fail`,
      ];
    if (!listensAt(listeners, text, vrf))
      return [
        `in ${vrf}: programs ask ${text} too, and nobody listens there in ${vrf}: queries fail; start ${dnsUnit(vrf)}`,
      ];
    return [`in ${vrf}: programs ask ${text} too, and what listens there is in ${vrf}`];
  }
}

/** ss prints `ADDRESS%DEVICE:53` for a bound socket. */
function listensAt(listeners: string, address: string, device: string | undefined): boolean {
  const host = device === undefined ? address : `${address}%${device}`;
  const wanted = address.includes(':')
    ? [`[${address}]${device === undefined ? '' : `%${device}`}:53`, `[${host}]:53`]
    : [`${host}:53`];
  return listeners.split('\n').some(line => line.split(/\s+/).some(word => wanted.includes(word)));
}
