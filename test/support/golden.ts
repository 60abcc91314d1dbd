// A case folder of test/golden: what it says, and a host that has only what its folder observed.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { VmnetError } from '../../lib/core/errors.ts';
import { VMNET_PROTOCOL } from '../../lib/core/model/identity.ts';
import { type Ifname, parseIfname } from '../../lib/core/model/ifname.ts';
import { NFT_FAMILIES } from '../../lib/core/model/nft.ts';
import { byKey, type KernelObject, keyOf } from '../../lib/core/model/object.ts';
import type { NicRecord } from '../../lib/core/model/record.ts';
import type { NicRequest } from '../../lib/core/model/request.ts';
import { vlanQuestion } from '../../lib/core/observed/bridge.ts';
import {
  type IpAnswer,
  type IpRow,
  proxyQuestion,
  routeQuestion,
  ruleQuestion,
} from '../../lib/core/observed/ip.ts';
import { linkQuestion } from '../../lib/core/observed/link.ts';
import { readTables } from '../../lib/core/observed/nft.ts';
import { type OvsAnswer, readOvs } from '../../lib/core/observed/ovs.ts';
import type { Observed } from '../../lib/core/observed/query.ts';
import type { Step } from '../../lib/core/plan/plan.ts';
import type { Batch } from '../../lib/core/plan/render.ts';
import { type AttachFlags, requestFromFlags } from '../../lib/core/source/flags.ts';
import { requestFromGanetiEnv } from '../../lib/core/source/ganeti-nic.ts';
import { parseRecord } from '../../lib/core/source/record.ts';
import type { Context, Host } from '../../lib/run/ports.ts';
import { selected } from './memory/read.ts';

/** request.json */
export interface GoldenCase {
  readonly does: 'attach' | 'detach' | 'repair';
  /** As on the command line, or the environment of a Ganeti script. */
  readonly flags?: AttachFlags;
  readonly env?: Readonly<Record<string, string>>;
  readonly tap?: string;
  /** How the node came to be what `observed/` shows; only the program that captures it reads this. */
  readonly before?: readonly Before[];
}

export type Before =
  | { readonly tap: string }
  | { readonly attach: AttachFlags }
  | { readonly ip: string; readonly family?: 4 | 6 }
  | { readonly nft: string }
  | { readonly ovs: string };

export const GOLDEN = join(import.meta.dirname, '../golden');

export function goldenCases(): readonly string[] {
  return readdirSync(GOLDEN, { withFileTypes: true })
    .filter(entry => entry.isDirectory())
    .map(entry => entry.name)
    .sort();
}

export function readCase(name: string): GoldenCase {
  return JSON.parse(readFileSync(join(GOLDEN, name, 'request.json'), 'utf8'));
}

export function requestOf({ flags, env }: GoldenCase, context: Context): NicRequest {
  if (env !== undefined) return requestFromGanetiEnv(env);
  return requestFromFlags(flags ?? { tap: 'none' }, context.config);
}

/** What was run, and what was there: it answers from the folder, and takes what it is told for done. */
export interface GoldenHost extends Host {
  readonly ran: Batch[];
  /** The next change is carried out, and then the kernel is not to be read: so that all of it is undone. */
  failNext(): void;
}

export function goldenHost(name: string): GoldenHost {
  const dir = join(GOLDEN, name, 'observed');
  const { links, objects, ovsBridges = [] } = observedIn(dir);
  const records = recordsIn(dir);
  const ran: Batch[] = [];
  let now = objects;
  let fails = false;
  return {
    ran,
    failNext: () => {
      fails = true;
    },
    exchange: async (batches, query) => {
      ran.push(...batches);
      now = batches
        .flatMap(batch => batch.lines)
        .flatMap(line => line.steps)
        .reduce(applied, now);
      if (fails && batches.length > 0) {
        fails = false;
        throw new VmnetError('kernel', 'refused');
      }
      const asked = typeof query === 'function' ? query() : query;
      const named = asked.links === 'all' ? [...links.keys()] : asked.links;
      return {
        objects: now.filter(object => selected(asked, object)),
        links: new Map([...links].filter(([ifname]) => named.includes(ifname as Ifname))),
        ...(asked.ovs === undefined ? {} : { ovsBridges }),
      };
    },
    ifindex: ifname => links.get(ifname)?.ifindex,
    lock: () => ({ release: () => undefined }),
    records: {
      tidy: () => undefined,
      read: ifname => records.get(ifname),
      write: () => undefined,
      remove: () => undefined,
      list: () => ({ records: [...records.values()], broken: [] }),
      iterate: () => records.values(),
    },
    hostRecord: { read: () => undefined, write: () => undefined, remove: () => undefined },
    announce: async () => undefined,
    probe: async () => ({ claims: [], failed: [] }),
    now: () => '2031-05-04T03:02:01.000Z',
  };
}

/** One step as the kernel would carry it out; twice is harmless, since a step may take two lines. */
export function applied(objects: readonly KernelObject[], step: Step): readonly KernelObject[] {
  const others = objects.filter(object => keyOf(object) !== keyOf(step.object));
  if (step.op !== 'delete') return [...others, asRead(step.object)];
  const { object: gone } = step;
  if (gone.kind !== 'nft-table') return others;
  return others.filter(
    object => !object.kind.startsWith('nft-') || !('family' in object) || object.family !== gone.family,
  );
}

/** Rules are known by their comments once they are in the kernel. */
function asRead(object: KernelObject): KernelObject {
  if (object.kind !== 'nft-chain') return object;
  return { ...object, rules: object.rules.map(({ comment }) => ({ text: '', comment })) };
}

function observedIn(dir: string): Observed {
  const rows = (file: string): readonly IpRow[] =>
    JSON.parse(readFileSync(join(dir, `${file}.json`), 'utf8'));
  const switched = readSwitch(dir);
  const routes = rows('routes');
  const answers: readonly IpAnswer[] = [
    linkQuestion('all').read(rows('addresses')),
    ...([4, 6] as const).map(family => routeQuestion({ family }).read(routes)),
    ...([4, 6] as const).map(family => ruleQuestion(family).read(rows(`rules${family}`))),
    proxyQuestion({ protocol: VMNET_PROTOCOL }).read(rows('proxies')),
  ];
  const sysctls = readFileSync(join(dir, 'sysctls.txt'), 'utf8').split('\n').filter(Boolean);
  const objects: readonly KernelObject[] = [
    ...answers.flatMap(answer => answer.objects),
    ...(existsSync(join(dir, 'vlans.json')) ? vlanQuestion('all').read(rows('vlans')).objects : []),
    ...switched.ports,
    ...NFT_FAMILIES.map(family => ({ family })).flatMap(query =>
      readTables(JSON.parse(readFileSync(join(dir, 'nft.json'), 'utf8')), query),
    ),
    ...sysctls.map((line): KernelObject => {
      const [path = '', value = ''] = line.split('=');
      return path.startsWith('own-mac ')
        ? { kind: 'link-setting', ifname: parseIfname(path.slice(8), dir), setting: 'own-mac', value }
        : { kind: 'sysctl', path, value };
    }),
  ];
  const links = answers.flatMap(answer => answer.links);
  return {
    objects: [...byKey(objects).values()],
    links: new Map(links.map(facts => [facts.ifname, facts])),
    ovsBridges: switched.bridges.map(({ ifname }) => ifname),
  };
}

function readSwitch(dir: string): OvsAnswer {
  const file = join(dir, 'ovs.txt');
  return existsSync(file) ? readOvs(readFileSync(file, 'utf8')) : { ports: [], bridges: [] };
}

function recordsIn(dir: string): ReadonlyMap<string, NicRecord> {
  const nics = join(dir, 'nics');
  if (!existsSync(nics)) return new Map();
  return new Map(
    readdirSync(nics).map(file => {
      const record = parseRecord(readFileSync(join(nics, file), 'utf8'), file);
      return [record.request.ifname, record];
    }),
  );
}
