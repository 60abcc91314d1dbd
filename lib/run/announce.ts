import type { Announcement } from '../core/announce/frames.ts';
import { asVmnetError, formatError, VmnetError } from '../core/errors.ts';
import type { Ifname } from '../core/model/ifname.ts';
import type { Nic } from '../core/model/network.ts';
import type { Observed, Query } from '../core/observed/query.ts';
import { recordedNic } from './check.ts';
import { carriersOf } from './goal.ts';
import { isAlive } from './living.ts';
import type { Context } from './ports.ts';
import { nicOfRecord } from './recorded.ts';

const NOTHING: Query = { links: [], routes: [], proxies: [], sysctls: [], rules: false, nft: [], fdb: [] };

/** Says again on the segment where a recorded NIC is; refuses one that is not here any more. */
export async function announce(context: Context, tap: Ifname): Promise<readonly Announcement[]> {
  const record = recordedNic(context, tap);
  if (!isAlive(context, record)) {
    throw new VmnetError('request', 'the tap of this NIC is gone, and its VM may run on another node', {
      where: tap,
      hint: 'vmnet gc removes what it has left',
    });
  }
  const nic = nicOfRecord(record);
  const { links } = await context.host.exchange([], { ...NOTHING, links: carriersOf(nic) });
  const announcements = announcementsOf(nic, links);
  if (announcements.length > 0) await context.host.announce(announcements);
  return announcements;
}

/** Says again where the recorded NICs behind these uplinks are: what is plugged into a switch anew, it has forgotten. */
export async function announceBehind(
  context: Context,
  uplinks: readonly Ifname[],
): Promise<readonly Ifname[]> {
  const nics = context.host.records
    .list()
    .records.filter(record => isAlive(context, record))
    .map(nicOfRecord)
    .filter(nic => nic.mode === 'routed' && carriersOf(nic).some(uplink => uplinks.includes(uplink)));
  if (nics.length === 0) return [];
  const { links } = await context.host.exchange([], { ...NOTHING, links: uplinks });
  await announceNics(context, nics, links);
  return nics.map(nic => nic.request.ifname);
}

/** The data path is up by now; neighbours that were not told find the way at the next time-out of their caches. */
export async function announceNics(
  context: Context,
  nics: readonly Nic[],
  links: Observed['links'],
): Promise<void> {
  const announcements = nics.flatMap(nic => announcementsOf(nic, links));
  if (announcements.length === 0) return;
  try {
    await context.host.announce(announcements);
  } catch (thrown) {
    context.report('warn', `not announced: ${formatError(asVmnetError(thrown))}`);
  }
}

/**
 * A bridged guest is announced by its hypervisor, and by the bridge learning its frames; one that is arriving is still
 * elsewhere.
 */
function announcementsOf(nic: Nic, links: Observed['links']): readonly Announcement[] {
  if (nic.mode !== 'routed' || nic.request.phase === 'arriving') return [];
  return nic.network.families.flatMap(({ family, uplink }) => {
    const facts = links.get(uplink);
    if (facts === undefined) return [];
    const local = facts.linkLocal === undefined ? {} : { linkLocal: facts.linkLocal };
    return nic.addresses
      .filter(address => address.family === family)
      .map(address => ({ tap: nic.request.ifname, dev: uplink, mac: facts.mac, ...local, address }));
  });
}
