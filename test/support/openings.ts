// Where a packet of a VM could go that it must not go to: looked for in the kernel in memory after a sudden death.
import type { Nic } from '../../lib/core/model/network.ts';
import type { KernelState } from './memory/state.ts';

/**
 * Nothing, when the tap is down, or closed by the filter, or wired in full: an up tap in a bridge or
 * in its network's group has a chain of its own with all of its rules, each family of the network has its mark rule, and
 * what finds no route is stopped by the table's last route or by the guard.
 */
export function openings(state: KernelState, nic: Nic): readonly string[] {
  const tap = nic.request.ifname;
  const link = state.links.get(tap);
  if (link === undefined || !link.up) return [];
  const chain = state.nft.get('netdev vmnet')?.chains.get(`from-${tap}`);
  const closed = chain?.hook?.policy === 'drop' && chain.rules.length >= 5;
  if (state.ovs.has(tap) && !closed) return ['a port of Open vSwitch without a filter'];
  if (link.master !== undefined) return closed ? [] : ['a port without a filter'];
  if (link.group === 0) {
    const forwards = state.sysctls.get(`net/ipv4/conf/${tap}/forwarding`) === '1';
    return closed || !forwards ? [] : ['a tap in no group, unknown to the filter, is forwarded by main'];
  }
  if (nic.mode !== 'routed') return closed ? [] : ['in a group without a filter'];
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
