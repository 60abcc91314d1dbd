import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { VmnetError } from '../core/errors.ts';
import type { Family } from '../core/model/address.ts';
import type { Ifname } from '../core/model/ifname.ts';
import type { IpRow } from '../core/observed/ip.ts';
import { cgroupMount, isOfNamespace, vrfOfCgroup } from '../core/vrf/cgroup.ts';
import { readWorld, type Vrf, vrfsOf, type World } from '../core/vrf/world.ts';
import { start, type Tool } from './exec.ts';

const TIMEOUT_MS = 30_000;

/** What a tool prints; an error when it fails. `doing` is what the error says of it, where the words are no help. */
export async function outputOf(
  tool: Tool,
  args: readonly string[],
  { input = '', doing = args.join(' ') }: { readonly input?: string; readonly doing?: string } = {},
): Promise<string> {
  const exit = await start(tool, args).finish(input, TIMEOUT_MS);
  if (exit.code === 0) return exit.stdout;
  const said = exit.stderr.trim().split('\n')[0] ?? '';
  const why = said === '' ? `exit code ${exit.code}` : said;
  throw new VmnetError('kernel', `${tool} failed at ${doing}: ${why}`);
}

export async function readVrfWorld(): Promise<World> {
  // In this order; with a family, `address show` leaves out the links without an address of it.
  const [links, four, six] = await Promise.all([
    outputOf('ip', ['-N', '-d', '-j', 'address', 'show']),
    rulesAndRoutes(4),
    rulesAndRoutes(6),
  ]);
  return readWorld({
    links: rowsIn(links)[0] ?? [],
    rules: { 4: four[0] ?? [], 6: six[0] ?? [] },
    routes: { 4: four[1] ?? [], 6: six[1] ?? [] },
  });
}

async function rulesAndRoutes(family: Family): Promise<readonly IpRow[][]> {
  const lines = 'rule show\nroute show table all\n';
  return rowsIn(await outputOf('ip', [`-${family}`, '-N', '-d', '-j', '-batch', '-'], { input: lines }));
}

/** One array a line; a question that has no answer prints an empty one. */
function rowsIn(stdout: string): readonly IpRow[][] {
  const arrays = stdout.split('\n').filter(line => line.startsWith('['));
  return arrays.map(line => JSON.parse(line) as IpRow[]);
}

export async function readVrf(name: Ifname): Promise<{ readonly world: World; readonly vrf: Vrf }> {
  const world = await readVrfWorld();
  const vrf = vrfsOf(world).find(one => one.name === name);
  if (vrf !== undefined) return { world, vrf };
  const other = world.links.some(link => link.name === name);
  throw new VmnetError('request', other ? `${name} is no VRF` : `there is no VRF ${name}`, {
    hint: 'vmnet vrf list shows all',
  });
}

/** The VRF of a process, by its cgroup. */
export function vrfOfProcess(pid: number | 'self'): string | undefined {
  return vrfOfCgroup(readProc(pid, 'cgroup'));
}

export function readProc(pid: number | 'self', file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch (cause) {
    throw new VmnetError('request', `there is no process ${pid}`, { cause });
  }
}

/** The name of this network namespace, as of `ip netns`. */
export async function netnsName(): Promise<string | undefined> {
  const name = (await outputOf('ip', ['netns', 'identify', String(process.pid)])).trim();
  return name === '' ? undefined : name;
}

/** The directories .../vrf/NAME that `ip vrf exec` has made for processes of this network namespace. */
export async function cgroupsOf(name: Ifname): Promise<readonly string[]> {
  const mount = cgroupMount(readFileSync('/proc/self/mounts', 'utf8'));
  if (mount === undefined) return [];
  const netns = await netnsName();
  return directoriesBelow(mount).filter(path => path.endsWith(`/vrf/${name}`) && isOfNamespace(path, netns));
}

/** Cgroups come and go while they are listed. */
function directoriesBelow(path: string): readonly string[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter(entry => entry.isDirectory())
      .flatMap(entry => [join(path, entry.name), ...directoriesBelow(join(path, entry.name))]);
  } catch {
    return [];
  }
}

export interface VrfProcess {
  readonly pid: number;
  readonly command: string;
}

/** The processes in cgroups, in those below them as well. */
export function processesIn(cgroups: readonly string[]): readonly VrfProcess[] {
  const pids = cgroups.flatMap(path => [path, ...directoriesBelow(path)]).flatMap(pidsIn);
  return [...new Set(pids)]
    .sort((a, b) => a - b)
    .flatMap(pid => {
      try {
        return [{ pid, command: readProc(pid, 'comm').trim() }];
      } catch {
        return [];
      }
    });
}

function pidsIn(cgroup: string): readonly number[] {
  try {
    const lines = readFileSync(join(cgroup, 'cgroup.procs'), 'utf8').split('\n');
    return lines.filter(line => line !== '').map(Number);
  } catch {
    return [];
  }
}
