// Where a packet of a VM could go that it must not go to: looked for in the kernel in memory after a sudden death.
import type { Nic } from '../../lib/core/model/network.ts';
import type { KernelState, Table } from './memory/state.ts';

/**
 * Nothing, when the tap is down, or closed by the filter, or wired in full: an up tap in its network's group has its
 * name and addresses in the filter with all of its rules, each family of the network has its mark rule, and what finds
 * no route is stopped by the table's last route or by the guard. What a port of a bridge receives is the bridge's.
 */
export function openings(state: KernelState, nic: Nic): readonly string[] {
  const tap = nic.request.ifname;
  const link = state.links.get(tap);
  if (link === undefined || !link.up) return [];
  const filter = state.nft.get('inet vmnet');
  const closed = hasRules(filter) && has(filter, 'taps', tap);
  if (link.master !== undefined) return [];
  if (link.group === 0) {
    const forwards = state.sysctls.get(`net/ipv4/conf/${tap}/forwarding`) === '1';
    return closed || !forwards ? [] : ['a tap in no group, unknown to the filter, is forwarded by main'];
  }
  if (nic.mode === 'bridged') return closed ? [] : ['in a group without a filter'];
  return [...(closed ? [] : ['without a filter']), ...leaks(state, nic)];
}

function leaks(state: KernelState, nic: Extract<Nic, { mode: 'routed' }>): readonly string[] {
  return nic.network.families.flatMap(({ family, table, subnet }) => {
    const marked = state.rules.some(
      rule => rule.family === family && rule.fwmark === table && rule.action.do === 'lookup',
    );
    const guarded = state.rules.some(
      rule => rule.family === family && rule.from?.text === subnet?.text && rule.action.do === 'blackhole',
    );
    const ends = state.routes.some(
      route => route.table === table && route.prefix.family === family && route.type === 'unreachable',
    );
    return guarded || (marked && ends) ? [] : [`IPv${family} leaks into main`];
  });
}

function has(table: Table | undefined, set: string, key: string): boolean {
  return table?.sets.get(set)?.elements.has(key) === true;
}

function hasRules(table: Table | undefined): boolean {
  return ['prerouting', 'from_tap4', 'from_tap6'].every(
    name => (table?.chains.get(name)?.rules.length ?? 0) >= 3,
  );
}
