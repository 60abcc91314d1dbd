import { quoted, VmnetError } from '../errors.ts';
import { type Address, type Family, type Prefix, parseAddress, parsePrefix } from '../model/address.ts';
import { type Ifname, parseIfname } from '../model/ifname.ts';

export const CLIENTS = ['dhclient', 'dhcpcd', 'udhcpc'] as const;
export type Client = (typeof CLIENTS)[number];

/** What a DHCP client says of a lease to the hook that it runs. */
export interface Lease {
  readonly ifname: Ifname;
  readonly family: Family;
  /** `held` after each bind and renewal; `gone` when it has ended. */
  readonly state: 'held' | 'gone';
  readonly routes: readonly LeaseRoute[];
  readonly servers: readonly Address[];
  /** The DHCP server, to which renewals go as unicast; of IPv4 alone, IPv6 has multicast for it. */
  readonly from?: Address;
  /** With its length, for a client that leaves setting it to its script. */
  readonly address?: string;
}

export interface LeaseRoute {
  readonly destination: Prefix;
  /** None: on the link itself. */
  readonly gateway?: Address;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** `action`: the argument of udhcpc's script. Undefined: an event that changes no lease. */
export function leaseOf(client: Client, environment: Environment, action = ''): Lease | undefined {
  if (client === 'udhcpc') return udhcpcLease(environment, action);
  return client === 'dhclient' ? dhclientLease(environment) : dhcpcdLease(environment);
}

const DHCLIENT_HELD = ['BOUND', 'RENEW', 'REBIND', 'REBOOT', 'TIMEOUT', 'BOUND6', 'RENEW6', 'REBIND6'];
const DHCLIENT_GONE = ['EXPIRE', 'FAIL', 'RELEASE', 'STOP', 'EXPIRE6', 'RELEASE6', 'STOP6'];

/** dhclient-script(8). Of IPv6 it knows no routes: those are the kernel's, from router advertisements. */
function dhclientLease(environment: Environment): Lease | undefined {
  const { reason = '' } = environment;
  const family = reason.endsWith('6') ? 6 : 4;
  const head = { ifname: parseIfname(environment.interface ?? '', '$interface'), family } as const;
  const state = stateOf(reason, DHCLIENT_HELD, DHCLIENT_GONE);
  if (state !== 'held') return ended(head, state, environment);
  if (family === 6)
    return { ...head, state, routes: [], servers: addresses(environment, 'new_dhcp6_name_servers') };
  return {
    ...head,
    state,
    routes: routesOf(
      rfc3442Routes(environment.new_rfc3442_classless_static_routes ?? ''),
      addresses(environment, 'new_routers'),
    ),
    servers: addresses(environment, 'new_domain_name_servers'),
    ...serverOf(environment, 'new_dhcp_server_identifier'),
  };
}

const DHCPCD_HELD = [
  'BOUND',
  'RENEW',
  'REBIND',
  'REBOOT',
  'TIMEOUT',
  'INFORM',
  'BOUND6',
  'RENEW6',
  'REBIND6',
  'REBOOT6',
  'INFORM6',
  'ROUTERADVERT',
];
const DHCPCD_GONE = ['EXPIRE', 'RELEASE', 'STOP', 'NOCARRIER', 'EXPIRE6', 'RELEASE6', 'STOP6'];

/** dhcpcd-run-hooks(8). Router advertisements are its own business as well, and their routes are in no variable. */
function dhcpcdLease(environment: Environment): Lease | undefined {
  const { reason = '' } = environment;
  const family = reason.endsWith('6') || reason === 'ROUTERADVERT' ? 6 : 4;
  const head = { ifname: parseIfname(environment.interface ?? '', '$interface'), family } as const;
  const state = stateOf(reason, DHCPCD_HELD, DHCPCD_GONE);
  if (state !== 'held') return ended(head, state, environment);
  if (family === 6) {
    const names = Object.keys(environment).filter(name => /^nd\d+_rdnss\d*_servers$/.test(name));
    const servers = ['new_dhcp6_name_servers', ...names.sort()].flatMap(name => addresses(environment, name));
    return { ...head, state, routes: [], servers };
  }
  return {
    ...head,
    state,
    routes: routesOf(
      pairs(environment, 'new_classless_static_routes'),
      addresses(environment, 'new_routers'),
    ),
    servers: addresses(environment, 'new_domain_name_servers'),
    ...serverOf(environment, 'new_dhcp_server_identifier'),
  };
}

/** busybox: the script is all there is, and sets the address, too. IPv4; its IPv6 sister asks for addresses alone. */
function udhcpcLease(environment: Environment, action: string): Lease | undefined {
  const head = { ifname: parseIfname(environment.interface ?? '', '$interface'), family: 4 } as const;
  const state = stateOf(action, ['bound', 'renew'], ['deconfig']);
  if (state !== 'held') return ended(head, state, environment);
  const { ip = '', mask = '32' } = environment;
  return {
    ...head,
    state,
    routes: routesOf(pairs(environment, 'staticroutes'), addresses(environment, 'router')),
    servers: addresses(environment, 'dns'),
    ...serverOf(environment, 'serverid'),
    ...(ip === '' ? {} : { address: interfaceAddress(ip, mask) }),
  };
}

/** What was leased is said by the names that begin with `old_`, if at all. */
function ended(
  head: Pick<Lease, 'ifname' | 'family'>,
  state: 'gone' | undefined,
  environment: Environment,
): Lease | undefined {
  if (state === undefined) return undefined;
  const from = head.family === 4 ? serverOf(environment, 'old_dhcp_server_identifier') : {};
  return { ...head, state, routes: [], servers: [], ...from };
}

function stateOf(
  event: string,
  held: readonly string[],
  gone: readonly string[],
): Lease['state'] | undefined {
  if (held.includes(event)) return 'held';
  return gone.includes(event) ? 'gone' : undefined;
}

/** `192.0.2.7/24`: a prefix alone would lose the host's part. */
function interfaceAddress(ip: string, mask: string): string {
  return `${parseAddress(ip, '$ip').text}/${parsePrefix(`${ip}/${mask}`, '$ip/$mask').length}`;
}

/** RFC 3442: where there are classless routes, the routers are not to be looked at. */
function routesOf(classless: readonly LeaseRoute[], routers: readonly Address[]): readonly LeaseRoute[] {
  if (classless.length > 0) return classless;
  // Further routers are for when the first one fails, which nobody here would notice.
  return routers.slice(0, 1).map(gateway => ({ destination: parsePrefix('0.0.0.0/0', ''), gateway }));
}

function addresses(environment: Environment, name: string): readonly Address[] {
  const words = wordsOf(environment[name]);
  // Those of a router advertisement at a link-local address are no use to a resolver elsewhere in the VRF.
  return words.filter(word => !word.includes('%')).map(word => parseAddress(word, `$${name}`));
}

function serverOf(environment: Environment, name: string): { readonly from?: Address } {
  const [from] = addresses(environment, name);
  return from === undefined ? {} : { from };
}

/** `10.0.0.0/8 192.0.2.1 ...`; a gateway of 0.0.0.0 is none. */
function pairs(environment: Environment, name: string): readonly LeaseRoute[] {
  const words = wordsOf(environment[name]);
  if (words.length % 2 !== 0) throw routesError(name, words);
  return Array.from({ length: words.length / 2 }, (_, i) =>
    leaseRoute(words[2 * i] ?? '', words[2 * i + 1] ?? '', `$${name}`),
  );
}

/** `24 192 0 2 198 51 100 1 ...`: the length, as many bytes as it needs, the four of the gateway. */
function rfc3442Routes(text: string): readonly LeaseRoute[] {
  const name = 'new_rfc3442_classless_static_routes';
  const words = wordsOf(text);
  const routes: LeaseRoute[] = [];
  for (let at = 0; at < words.length; ) {
    const significant = Math.ceil(Number(words[at]) / 8);
    const end = at + 1 + significant + 4;
    if (!(significant <= 4) || end > words.length) throw routesError(name, words);
    const bytes = [...words.slice(at + 1, at + 1 + significant), '0', '0', '0', '0'].slice(0, 4);
    routes.push(
      leaseRoute(`${bytes.join('.')}/${words[at]}`, words.slice(end - 4, end).join('.'), `$${name}`),
    );
    at = end;
  }
  return routes;
}

function leaseRoute(destination: string, gateway: string, where: string): LeaseRoute {
  return {
    destination: parsePrefix(destination, where),
    ...(gateway === '0.0.0.0' ? {} : { gateway: parseAddress(gateway, where) }),
  };
}

function routesError(name: string, words: readonly string[]): VmnetError {
  return new VmnetError('request', `${quoted(words.join(' '))} are no routes`, { where: `$${name}` });
}

function wordsOf(text = ''): readonly string[] {
  return text.split(/\s+/).filter(word => word !== '');
}
