// What of a guest can be reached from somewhere: two services and ping.
import type { Place } from '../support/command.ts';
import { ping } from '../support/probe.ts';
import { connects } from './programs.ts';

export interface Reach {
  readonly ssh: boolean;
  readonly http: boolean;
  readonly ping: boolean;
}

/** What a place reaches of an address; `from` may say as whom. */
export async function reach(from: Place, address: string, as?: string): Promise<Reach> {
  const pinged = async () => (await ping(from, address, { count: 2, waitSeconds: 0.3 })).received > 0;
  const [ssh, http, answered] = await Promise.all([
    connects(from, address, 22, as),
    connects(from, address, 80, as),
    as === undefined && pinged(),
  ]);
  return { ssh, http, ping: answered };
}
