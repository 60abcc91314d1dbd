import type { Ifname } from '../core/model/ifname.ts';
import type { NicRequest } from '../core/model/request.ts';
import { attach, readRecord } from './attach.ts';
import { detach } from './detach.ts';
import type { Context } from './ports.ts';

const NOW = { dryRun: false };

/** Attaches all NICs of an instance, or none: those that came before the one that fails are detached again. */
export async function attachInstance(context: Context, requests: readonly NicRequest[]): Promise<void> {
  const attached: Ifname[] = [];
  try {
    for (const request of requests) {
      await attach(context, request, NOW);
      attached.push(request.ifname);
    }
  } catch (thrown) {
    for (const tap of attached.reverse()) await detach(context, tap, NOW);
    throw thrown;
  }
}

/** Detaches these taps as far as they are the instance's: the kernel may have given a name to somebody else's by now. */
export async function detachInstance(
  context: Context,
  instance: string,
  taps: readonly Ifname[],
): Promise<void> {
  for (const tap of taps) {
    if (readRecord(context, tap)?.request.instance === instance) await detach(context, tap, NOW);
  }
}
