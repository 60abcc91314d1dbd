import { guestAddresses } from '../core/desired/resolve.ts';
import type { Address } from '../core/model/address.ts';
import type { Settings } from '../core/model/config.ts';
import { parseIfname } from '../core/model/ifname.ts';
import type { BridgedNic, Nic } from '../core/model/network.ts';
import { DEFAULT_POLICY } from '../core/model/policy.ts';
import type { EarlierPort, NicRecord } from '../core/model/record.ts';
import type { NicRequest } from '../core/model/request.ts';
import { vlansOf } from '../core/model/vlan.ts';
import { pick } from '../core/source/pick.ts';

/** What a record keeps of a NIC beside its request, so that `nicOfRecord` gives the same NIC. */
export function resolvedOf(
  nic: Nic,
  { routeProtocol, rulePreference }: Settings,
): Pick<NicRecord, 'network' | 'bridged' | 'routeProtocol' | 'rulePreference' | 'policy'> {
  const { policy } = nic;
  if (nic.mode === 'routed') return { network: nic.network, routeProtocol, rulePreference, policy };
  const { addresses, gateways, network, vlanUplinks } = nic;
  const known = gateways.length > 0 ? { gateways } : {};
  return { bridged: { addresses, ...known, ...pick({ network, vlanUplinks }) }, policy };
}

/** The NIC as it was resolved when the record was written. */
export function nicOfRecord(record: NicRecord): Nic {
  const policy = record.policy ?? DEFAULT_POLICY;
  const request = record.request;
  if (request.mode === 'routed' && record.network !== undefined) {
    const subnet6 = record.network.families.find(entry => entry.family === 6)?.subnet;
    return {
      mode: 'routed',
      request,
      addresses: guestAddresses(request, subnet6),
      network: record.network,
      policy,
    };
  }
  return {
    mode: request.mode === 'openvswitch' ? 'openvswitch' : 'bridged',
    request,
    addresses: record.bridged?.addresses ?? request.addresses,
    gateways: record.bridged?.gateways ?? gatewaysOf(request),
    ...pick({
      network: record.bridged?.network,
      vlans: request.vlan === undefined ? undefined : vlansOf(request.vlan),
      vlanUplinks: record.bridged?.vlanUplinks,
    }),
    policy,
    bridge: parseIfname(request.link ?? 'none', `record of ${request.ifname}`),
  };
}

/** Records of before they were kept apart have what the cluster said. */
function gatewaysOf({ network: { gateway, gateway6 } }: NicRequest): readonly Address[] {
  return [gateway, gateway6].filter(address => address !== undefined);
}

/** The NIC of a record; and of one that is pending, that whose place it was about to take. */
export function nicsOfRecord(record: NicRecord): readonly Nic[] {
  return record.was === undefined
    ? [nicOfRecord(record)]
    : [nicOfRecord(record), earlierNic(record, record.was)];
}

/** What a pending record must remember of the one before, until all that was that one's is gone. */
export function earlierPort(record: NicRecord | undefined): Pick<NicRecord, 'was'> {
  if (record?.was !== undefined) return { was: record.was };
  const { mode, link, vlan } = record?.request ?? {};
  const vlanUplinks = record?.bridged?.vlanUplinks;
  if (link === undefined || mode === undefined || mode === 'routed') return {};
  return mode === 'bridged' && vlan === undefined
    ? {}
    : { was: { mode, link, ...pick({ vlan, vlanUplinks }) } };
}

function earlierNic({ request }: NicRecord, { mode, link, vlan, vlanUplinks }: EarlierPort): BridgedNic {
  return {
    mode,
    request: { ...request, mode, link, ...pick({ vlan }) },
    addresses: [],
    gateways: [],
    policy: DEFAULT_POLICY,
    bridge: parseIfname(link, `record of ${request.ifname}`),
    ...pick({ vlans: vlan === undefined ? undefined : vlansOf(vlan), vlanUplinks }),
  };
}
