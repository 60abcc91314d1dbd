import { asVmnetError, VmnetError } from '../core/errors.ts';
import { type Address, addressAt, type Prefix } from '../core/model/address.ts';
import { parseIfname } from '../core/model/ifname.ts';
import type { ConnectionEvent } from '../core/source/ganeti-hook.ts';
import type { NicRequestWithoutTap } from '../core/source/without-tap.ts';
import { checkCarriers, checkSwitch } from '../core/verify/surroundings.ts';
import { resolve } from './attach.ts';
import { carriersOf } from './goal.ts';
import type { Context } from './ports.ts';
import type { Admitted } from './probe.ts';

/** A NIC that is to come, by what an error names it. */
export interface Candidate {
  readonly name: string;
  readonly request: NicRequestWithoutTap;
}

/** Whether this node could carry these NICs: what is wrong with the first that it could not is an error. */
export async function admit(
  context: Context,
  candidates: readonly Candidate[],
): Promise<readonly Admitted[]> {
  const admitted: Admitted[] = [];
  for (const { name, request } of candidates) {
    try {
      admitted.push({ name, ...(await admitOne(context, request)) });
    } catch (thrown) {
      const { exit, message, hint } = asVmnetError(thrown);
      throw new VmnetError(exit, message, { where: name, ...(hint === undefined ? {} : { hint }) });
    }
  }
  return admitted;
}

/** Stands in for the tap that the hypervisor has not made yet. */
const TAP = parseIfname('vmnet', 'admission');

async function admitOne(context: Context, request: NicRequestWithoutTap): Promise<Omit<Admitted, 'name'>> {
  const nic = await resolve(context, { ...request, ifname: TAP });
  const nothing = { routes: [], proxies: [], sysctls: [], rules: false, nft: [], fdb: [] };
  const ports = nic.mode === 'openvswitch' ? { ovs: [TAP] } : {};
  const observed = await context.host.exchange([], { ...nothing, ...ports, links: carriersOf(nic) });
  checkCarriers(nic, observed.links);
  checkSwitch(nic, observed);
  return { nic, links: observed.links };
}

/** Whether this node could carry the NICs of a network that is to be connected; what nobody has said is not asked. */
export async function admitNetwork(context: Context, event: ConnectionEvent): Promise<void> {
  const { mode, link, network } = event;
  if (mode === 'ext') return;
  if (mode !== 'routed') {
    const bridged = { mode, addresses: [], tags: [], network, ...(link === undefined ? {} : { link }) };
    await admit(context, [{ name: link ?? 'network', request: bridged }]);
    return;
  }
  const addresses = [
    guestOf(network.subnet, network.gateway),
    guestOf(network.subnet6, network.gateway6),
  ].flat();
  if (addresses.length === 0) return;
  const routed = { mode, addresses, tags: [], network, ...(link === undefined ? {} : { link }) };
  await admit(context, [{ name: link ?? 'network', request: routed }]);
}

/** An address that a guest could have. */
function guestOf(subnet: Prefix | undefined, gateway: Address | undefined): readonly Address[] {
  if (subnet === undefined) return [];
  return [1, 2]
    .map(number => addressAt(subnet, number))
    .filter(one => one.text !== gateway?.text)
    .slice(0, 1);
}
