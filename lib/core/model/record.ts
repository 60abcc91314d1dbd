import type { BridgedNic, Network } from './network.ts';
import type { KernelObject } from './object.ts';
import type { Policy } from './policy.ts';
import type { NicRequest } from './request.ts';

/** One JSON file a NIC: written `pending` before anything is changed and `applied` when it is verified. */
export interface NicRecord {
  readonly version: 1;
  readonly state: 'pending' | 'applied';
  readonly request: NicRequest;
  /** The network as it was resolved then; absent for a bridged NIC. Down must not depend on what has changed since. */
  readonly network?: Network;
  /** Of a bridged NIC, what was not in its request but in the configuration. */
  readonly bridged?: Pick<BridgedNic, 'addresses' | 'network' | 'vlanUplinks'> &
    Partial<Pick<BridgedNic, 'gateways'>>;
  /** Of a pending one that takes the place of another: what of that one carries no mark by which it could be found. */
  readonly was?: EarlierPort;
  /** On the routes of a routed NIC; another one by now is only then known to be vmnet's. */
  readonly routeProtocol?: number;
  /** Of the first of its network's rules; those at another place by now are only then known to be vmnet's. */
  readonly rulePreference?: number;
  /** As it was resolved then; records of before there were policies have none. */
  readonly policy?: Policy;
  /** The link's index then: a link of the same name with another index is another link. */
  readonly ifindex: number;
  /** What the tap's settings and sysctls were before the first attach; detach puts them back. */
  readonly before: readonly KernelObject[];
  /** ISO 8601, UTC. */
  readonly at: string;
}

export interface EarlierPort extends Pick<BridgedNic, 'mode' | 'vlanUplinks'> {
  readonly link: string;
  readonly vlan?: string;
}
