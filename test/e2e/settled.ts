// What the kernels of both nodes have, against what the guests that run there need: no less, and nothing else.
import assert from 'node:assert/strict';
import { ip } from '../support/command.ts';
import { type State, stateOf } from '../support/state.ts';
import type { Cluster } from './cluster.ts';
import { addressesOf, type Guest } from './guest.ts';
import { type Machine, mustOn, on } from './node-run.ts';

/** The state of a node that has no guest, beside its links. */
export type Bare = Omit<State, 'links' | 'addresses'>;

export async function bareStateOf({ node }: Machine): Promise<Bare> {
  const { rules, routes, proxyNeighbours, nft } = await stateOf(node);
  return { rules, routes, proxyNeighbours, nft };
}

interface Listed {
  readonly tap: string;
  readonly instance: string;
  readonly mode: string;
  readonly addresses: readonly string[];
  readonly state: string;
}

/** `guests` are all that run; `bare` is what each node had before the first guest. */
export async function settled(
  cluster: Cluster,
  bare: readonly Bare[],
  guests: readonly Guest[],
): Promise<void> {
  for (const [i, machine] of cluster.machines.entries()) {
    const here = guests.filter(({ at }) => at === i);
    const elsewhere = guests.filter(({ at }) => at !== i);
    const taps = await tapsOf(machine);
    await isClean(machine);
    const listed: Listed[] = JSON.parse(await mustOn(machine, ['vmnet', 'list', '--json']));
    assert.deepEqual(listed.map(listedLine).sort(), here.flatMap(expectedLines).sort(), machine.host);
    assert.deepEqual(listed.map(({ tap }) => tap).sort(), taps, `taps of ${machine.host}`);
    const state = await bareStateOf(machine);
    if (here.length === 0) assert.deepEqual(state, bare[i], `${machine.host} without guests`);
    assert.deepEqual(
      strangers(state, taps, elsewhere.flatMap(addressesOf)),
      [],
      `left on ${machine.host} by guests that are gone`,
    );
    assert.deepEqual(
      await recordsOf(machine),
      taps.map(tap => `${tap}.json`),
      machine.host,
    );
  }
}

export async function isClean(machine: Machine): Promise<void> {
  const { exitCode, stdout, stderr } = await on(machine, ['vmnet', 'check']);
  assert.equal(exitCode, 0, `vmnet check on ${machine.host}: ${stdout}${stderr}`);
}

async function tapsOf({ node }: Machine): Promise<readonly string[]> {
  const links: { ifname: string }[] = JSON.parse(await ip(node, '-j', 'link', 'show'));
  return links
    .map(({ ifname }) => ifname)
    .filter(name => /^(tap|vnet)\d+$/.test(name))
    .sort();
}

function listedLine({ instance, mode, addresses, state }: Listed): string {
  return `${instance} ${mode} ${addresses.join(' ')} ${state}`;
}

function expectedLines({ name, nics }: Guest): readonly string[] {
  return nics.map(({ network, address, address6 }) => {
    const mode = network === 'public' ? 'routed' : 'bridged';
    return `${name} ${mode} ${address} ${address6} applied`;
  });
}

/** Lines that name a tap that is not there, or an address whose guest runs on the other node. */
function strangers(state: Bare, taps: readonly string[], addresses: readonly string[]): readonly string[] {
  return Object.values(state)
    .flat()
    .filter(line => {
      const named: readonly string[] = line.match(/\btap\d+\b/g) ?? [];
      return (
        named.some(tap => !taps.includes(tap)) ||
        addresses.some(address => new RegExp(`(?<![\\w.:])${address}(?![\\w.:])`).test(line))
      );
    });
}

async function recordsOf(machine: Machine): Promise<readonly string[]> {
  const text = await mustOn(machine, ['sh', '-c', 'ls /run/vmnet/nics 2>/dev/null || true']);
  return text.split('\n').filter(Boolean).sort();
}
