import { filterBase } from '../core/desired/filter.ts';
import { profileChain } from '../core/desired/firewall.ts';
import type { FirewallProfile } from '../core/model/config.ts';
import { nftLines } from '../core/plan/render-nft.ts';
import { checkTransaction } from './nftables.ts';

/** Has nft read each profile, without changing anything; what it refuses is an error with the file's line. */
export async function checkProfiles(profiles: readonly FirewallProfile[]): Promise<void> {
  for (const profile of profiles) {
    if (profile.broken !== undefined) throw profile.broken;
    const objects = [...filterBase('routed'), profileChain('inet', profile)];
    const steps = objects
      .filter(object => object.kind.startsWith('nft-'))
      .map(object => ({ op: 'add' as const, object }));
    await checkTransaction(nftLines(steps));
  }
}
