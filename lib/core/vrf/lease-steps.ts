import { VRF_PREFERENCES } from '../model/identity.ts';
import type { Ifname } from '../model/ifname.ts';
import type { IpRow } from '../observed/ip.ts';
import type { Lease, LeaseRoute } from './lease.ts';

/** What there is of the port in the lease's family; rows of `ip -N -d -j`. */
export interface LeaseFacts {
  /** The table of the VRF that the link is a port of. */
  readonly table: number;
  /** `route show table main dev PORT`: DHCP clients know no other table, and the kernel takes it. */
  readonly strayed: readonly IpRow[];
  /** `route show table TABLE dev PORT`. */
  readonly routes: readonly IpRow[];
  readonly rules: readonly IpRow[];
}

const RTPROT_KERNEL = '2';
const RTPROT_DHCP = '16';

/**
 * Lines for `ip -FAMILY -batch`: the routes of the lease into the VRF's table, and none of the port's left in main. A
 * route is there before the other goes, so that an open connection does not notice.
 */
export function leaseSteps(lease: Lease, facts: LeaseFacts): readonly string[] {
  const { ifname, state, routes } = lease;
  const { table } = facts;
  const strayed = facts.strayed.filter(row => row.protocol !== RTPROT_KERNEL);
  const named = new Set(routes.map(destinationOf));
  const moving = state === 'gone' ? [] : strayed.filter(row => !named.has(String(row.dst)));
  return [
    ...routes.map(route => leased(ifname, route, table)),
    ...moving.map(row => moved(ifname, row, table)),
    ...strayed.map(row => `route del ${row.dst} dev ${ifname} table main${metricOf(row)}`),
    ...withdrawn(lease, facts).map(
      row => `route del ${row.dst} dev ${ifname} table ${table}${metricOf(row)}`,
    ),
    ...renewalSteps(lease, facts),
  ];
}

/** As iproute2 prints it. */
function destinationOf({ destination: { text, length } }: LeaseRoute): string {
  if (length === 0) return 'default';
  return length === 32 ? text.replace(/\/32$/, '') : text;
}

/** `onlink`: with a lease of a single address, the gateway is on no network of the port. */
function leased(ifname: Ifname, route: LeaseRoute, table: number): string {
  const via = route.gateway === undefined ? '' : ` via ${route.gateway.text}`;
  const onlink = via === '' ? '' : ' onlink';
  return `route replace ${destinationOf(route)}${via} dev ${ifname}${onlink} table ${table} protocol ${RTPROT_DHCP}`;
}

function moved(ifname: Ifname, row: IpRow, table: number): string {
  const via = row.gateway === undefined ? '' : ` via ${row.gateway}`;
  const source = row.prefsrc === undefined ? '' : ` src ${row.prefsrc}`;
  const onlink = via === '' ? '' : ' onlink';
  return `route replace ${row.dst}${via} dev ${ifname}${onlink} table ${table} protocol ${RTPROT_DHCP}${source}${metricOf(row)}`;
}

function metricOf(row: IpRow): string {
  return row.metric === undefined ? '' : ` metric ${row.metric}`;
}

/**
 * What an earlier lease had and this one has not. Of IPv4 a lease names all routes with gateways; of IPv6 none, they are
 * those of router advertisements, and end by themselves.
 */
function withdrawn({ family, state, routes }: Lease, facts: LeaseFacts): readonly IpRow[] {
  const kept = new Map(routes.map(route => [destinationOf(route), route.gateway?.text]));
  const ours = facts.routes.filter(row => row.protocol === RTPROT_DHCP);
  if (state === 'gone') return ours;
  if (family === 6) return [];
  return ours.filter(row => row.gateway !== undefined && !kept.has(String(row.dst)));
}

/**
 * A client renews from a socket that is bound to nothing, by the routes of main, where there are none to its server any
 * more; the answer reaches it, as it hears all packets of the port. `protocol kernel`, or systemd-networkd deletes it.
 */
function renewalSteps({ family, state, from }: Lease, { table, rules }: LeaseFacts): readonly string[] {
  if (family === 6 || from === undefined) return [];
  const there = rules.some(
    row => row.priority === VRF_PREFERENCES.renewal && row.dst === from.text && Number(row.table) === table,
  );
  if (there === (state === 'held')) return [];
  const rule = `pref ${VRF_PREFERENCES.renewal} to ${from.text} ipproto udp dport 67 lookup ${table} protocol kernel`;
  return [`rule ${state === 'held' ? 'add' : 'del'} ${rule}`];
}
