import type { Claim, Probe, Probed } from '../core/announce/probe.ts';
import { sectionOf } from '../core/desired/resolve-network.ts';
import { asVmnetError, formatError, VmnetError } from '../core/errors.ts';
import type { Nic } from '../core/model/network.ts';
import type { Observed } from '../core/observed/query.ts';
import { pick } from '../core/source/pick.ts';
import type { Context } from './ports.ts';

/** A NIC that this node could carry, by what an error names it, and the links that would. */
export interface Admitted {
  readonly name: string;
  readonly nic: Nic;
  readonly links: Observed['links'];
}

/**
 * Refuses addresses that somebody on the segment has or is about to take. It is a courtesy to who made the mistake: where
 * it cannot be asked, the NIC comes up without.
 */
export async function refuseAnswered(context: Context, admitted: readonly Admitted[]): Promise<void> {
  const questions = admitted.flatMap(one => probesOf(context, one).map(probe => ({ one, probe })));
  if (questions.length === 0) return;
  const { claims, failed } = await ask(
    context,
    questions.map(({ probe }) => probe),
  );
  for (const reason of failed) context.report('warn', `not asked who has the address: ${reason}`);
  for (const { one, probe } of questions) {
    const claim = claims.find(found => found.probe === probe && found.mac !== one.nic.request.mac);
    if (claim !== undefined) throw answered(one, claim);
  }
}

async function ask(context: Context, probes: readonly Probe[]): Promise<Probed> {
  try {
    return await context.host.probe(probes);
  } catch (thrown) {
    return { claims: [], failed: [formatError(asVmnetError(thrown))] };
  }
}

function probesOf(context: Context, { nic, links }: Admitted): readonly Probe[] {
  if (sectionOf(nic.request, context.config)?.probe === false) return [];
  return nic.addresses.flatMap((address): readonly Probe[] => {
    const entry =
      nic.mode === 'routed'
        ? nic.network.families.find(({ family }) => family === address.family)
        : { uplink: nic.bridge };
    const facts = entry === undefined ? undefined : links.get(entry.uplink);
    if (entry === undefined || facts === undefined) return [];
    const arpSource = 'arpSource' in entry ? entry.arpSource : undefined;
    return [{ dev: entry.uplink, mac: facts.mac, address, ...pick({ arpSource }) }];
  });
}

function answered({ name, nic }: Admitted, { probe, mac }: Claim): VmnetError {
  const network = nic.mode === 'routed' ? nic.network.name : (nic.network ?? 'NAME');
  return new VmnetError('request', `${probe.address.text} is in use: ${mac} answers for it on ${probe.dev}`, {
    where: name,
    hint: `find out whose it is and stop that (on another node of vmnet: vmnet gc), or give another address; probe = no in [network ${network}] asks nobody`,
  });
}
