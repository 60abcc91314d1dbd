// A node that comes back with a thousand NICs: their records and taps are there, the kernel knows nothing of them.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { must } from '../support/command.ts';
import { type BenchNode, bareNode, nicOf, up, vmnet } from './node.ts';
import { measure, type Programs } from './programs.ts';
import type { Row } from './rows.ts';

export interface Restored {
  readonly repair: readonly number[];
  readonly bare: readonly number[];
}

/** Attaches NIC 0, writes the records of the others after its model, and has all of them repaired in one go. */
export async function restore(programs: Programs, node: BenchNode, nics: number): Promise<Restored> {
  await measure(programs, node, up(node, nicOf(0)));
  await writeRecords(node, nics);
  const bare = await bareRuns(programs, node);
  const { wall } = await measure(programs, node, vmnet(node, 'repair'));
  const after = await bareRuns(programs, node);
  await measure(programs, node, vmnet(node, 'check', nicOf(nics - 1).tap));
  return { repair: [wall], bare: [...bare, ...after] };
}

export function restoreRow(runs: readonly Restored[], nics: number): Row {
  return {
    section: 'Restore, to a bare node -e 0',
    what: `${nics} NICs by one vmnet repair`,
    unit: 'ms',
    values: runs.flatMap(run => run.repair),
    base: runs.flatMap(run => run.bare),
    budget: 40,
  };
}

async function bareRuns(programs: Programs, node: BenchNode): Promise<readonly number[]> {
  const walls: number[] = [];
  for (let i = 0; i < 5; i++) walls.push((await measure(programs, node, bareNode(node))).wall);
  return walls;
}

/** What differs between two records is the tap, its index, and the addresses. */
async function writeRecords(node: BenchNode, nics: number): Promise<void> {
  const dir = join(node.stateDir, 'nics');
  const model = nicOf(0);
  const text = readFileSync(join(dir, `${model.tap}.json`), 'utf8');
  const links = JSON.parse(await must(['ip', '-n', node.ns, '-j', 'link', 'show'])) as Link[];
  const indexes = new Map(links.map(link => [link.ifname, link.ifindex]));
  for (let number = 1; number < nics; number++) {
    const nic = nicOf(number);
    const own = text
      .replaceAll(new RegExp(`\\b${model.tap}\\b`, 'g'), nic.tap)
      .replaceAll(model.mac, nic.mac)
      .replaceAll(`"${model.ip}"`, `"${nic.ip}"`)
      .replace(/"ifindex": *\d+/, `"ifindex": ${indexes.get(nic.tap)}`);
    writeFileSync(join(dir, `${nic.tap}.json`), own, { mode: 0o600 });
  }
}

interface Link {
  readonly ifname: string;
  readonly ifindex: number;
}
