// A kernel in memory behind the port `Host`: it carries out the very lines that vmnet renders, with the kernel's
// semantics where they matter, and can fail or be killed at any operation. The assertions of scenarios.ts, which the
// real kernel passes in a network namespace, hold for it as well.

import type { Announcement } from '../../lib/core/announce/frames.ts';
import { VmnetError } from '../../lib/core/errors.ts';
import { parseIfname } from '../../lib/core/model/ifname.ts';
import { parseMac } from '../../lib/core/model/mac.ts';
import { NFT_FAMILIES } from '../../lib/core/model/nft.ts';
import { textOf } from '../../lib/core/model/object.ts';
import type { Batch } from '../../lib/core/plan/render.ts';
import type { Held, Host } from '../../lib/run/ports.ts';
import { bridgeLine, ipLine } from './memory/ip-lines.ts';
import { nftTransaction } from './memory/nft-lines.ts';
import { ovsTransaction } from './memory/ovs.ts';
import { observe } from './memory/read.ts';
import { hostRecordIn, recordsIn } from './memory/records.ts';
import { refused } from './memory/refuse.ts';
import { addLink, emptyState, type KernelState, removeLink, setSysctl } from './memory/state.ts';

/** What a process that is ended by SIGKILL throws: whoever catches it can do nothing more either. */
export const KILLED = new Error('killed');

export interface Operation {
  readonly kind: 'read' | 'sysctl' | 'nft' | 'ip' | 'ip6' | 'bridge' | 'ovs' | 'record' | 'announce';
  readonly text: string;
}

/** Where it goes wrong: at the operation with this number, counted from 1. */
export interface Fault {
  readonly at: number;
  readonly how: 'fail' | 'die';
}

export interface MemoryKernel {
  readonly host: Host;
  readonly state: KernelState;
  readonly announced: Announcement[];
  /** What was done since the last `arm`. */
  readonly operations: readonly Operation[];
  /** Begins to count anew, in a new process: without locks, and alive. */
  arm(fault?: Fault): void;
  addLink(name: string, type: 'tun' | 'veth' | 'bridge', mac: string): void;
  removeLink(name: string): void;
  /** All that there is, and nothing that changes by itself, as sorted lines. */
  snapshot(): readonly string[];
  /** The records as they are stored. */
  records(): Readonly<Record<string, string>>;
}

export function memoryKernel(): MemoryKernel {
  const state = emptyState();
  const texts = new Map<string, string>();
  const announced: Announcement[] = [];
  const operations: Operation[] = [];
  const locks = new Map<string, { shared: number; exclusive: boolean }>();
  let fault: Fault | undefined;
  let dead = false;

  const alive = (): void => {
    if (dead) throw KILLED;
  };
  const step = (kind: Operation['kind'], text: string): void => {
    alive();
    operations.push({ kind, text });
    if (operations.length !== fault?.at) return;
    if (fault.how === 'fail') throw failure(kind, text);
    dead = true;
    throw KILLED;
  };
  const host: Host = {
    exchange: async (batches, query) => {
      for (const batch of batches) carryOut(state, batch, step);
      const asked = typeof query === 'function' ? query() : query;
      step('read', '');
      return observe(state, asked);
    },
    ifindex: ifname => {
      alive();
      return state.links.get(ifname)?.ifindex;
    },
    lock: (name, mode) => {
      alive();
      return lock(locks, name, mode);
    },
    records: recordsIn(texts, step),
    hostRecord: hostRecordIn(texts, step),
    announce: async announcements => {
      step('announce', announcements.map(one => one.address.text).join(' '));
      announced.push(...announcements);
    },
    probe: async () => ({ claims: [], failed: [] }),
    now: () => '2031-05-04T03:02:01.000Z',
  };
  return {
    host,
    state,
    announced,
    operations,
    arm: next => {
      operations.length = 0;
      announced.length = 0;
      locks.clear();
      fault = next;
      dead = false;
    },
    addLink: (name, type, mac) => void addLink(state, parseIfname(name, 'link'), type, parseMac(mac, 'link')),
    removeLink: name => removeLink(state, name),
    snapshot: () => snapshot(state),
    records: () => Object.fromEntries([...texts].sort()),
  };
}

function failure(kind: Operation['kind'], text: string): VmnetError {
  if (kind !== 'record') return refused(kind, text, 'Cannot allocate memory');
  return new VmnetError('record', 'cannot be written: ENOSPC', { where: text });
}

function carryOut(state: KernelState, batch: Batch, step: (kind: Operation['kind'], text: string) => void) {
  if (batch.tool === 'nft') {
    for (const line of batch.lines) step('nft', line.text);
    nftTransaction(
      state,
      batch.lines.map(line => line.text),
    );
    return;
  }
  if (batch.tool === 'ovs') {
    for (const line of batch.lines) step('ovs', line.text);
    ovsTransaction(
      state,
      batch.lines.map(line => line.text),
    );
    return;
  }
  for (const { text } of batch.lines) {
    step(batch.tool, text);
    if (batch.tool === 'sysctl') sysctlLine(state, text);
    else if (batch.tool === 'bridge') bridgeLine(state, text);
    else ipLine(state, text, batch.tool === 'ip6' ? 6 : 4);
  }
}

export function sysctlLine(state: KernelState, text: string): void {
  const [path = '', value = ''] = text.split('=');
  if (!state.sysctls.has(path)) throw new VmnetError('missing', 'no such sysctl', { where: path });
  setSysctl(state, path, value);
}

/** The lock of one process against another; a process of its own never waits here, so that is `busy` at once. */
function lock(
  locks: Map<string, { shared: number; exclusive: boolean }>,
  name: string,
  mode: 'shared' | 'exclusive',
): Held {
  const held = locks.get(name) ?? { shared: 0, exclusive: false };
  locks.set(name, held);
  if (held.exclusive || (mode === 'exclusive' && held.shared > 0))
    throw new VmnetError('busy', 'still locked', { where: name });
  if (mode === 'exclusive') held.exclusive = true;
  else held.shared += 1;
  let released = false;
  return {
    release: () => {
      if (released) return;
      released = true;
      if (mode === 'exclusive') held.exclusive = false;
      else held.shared -= 1;
    },
  };
}

const EVERYTHING = {
  links: 'all',
  routes: [{ family: 4 }, { family: 6 }],
  proxies: [],
  sysctls: [],
  rules: true,
  nft: NFT_FAMILIES.map(family => ({ family })),
  fdb: [],
  vlans: 'all',
} as const;

function snapshot(state: KernelState): readonly string[] {
  const tables = [...state.nft].flatMap(([name, { sets, chains }]) => [
    `nft ${name}`,
    ...[...sets].flatMap(([set, { type, elements }]) => [
      `nft ${name} ${set} ${type}`,
      ...[...elements].map(([key, { value }]) => `nft ${name} ${set} ${key} : ${value ?? ''}`),
    ]),
    ...[...chains].map(([chain, content]) => `nft ${name} ${chain} ${JSON.stringify(content)}`),
  ]);
  const { objects } = observe(state, { ...EVERYTHING, nft: [] });
  return [
    ...objects.map(textOf),
    ...state.proxies.map(textOf),
    ...state.fdb.map(textOf),
    ...[...state.ovs.values(), ...state.ovsBridges.values()].map(textOf),
    ...[...state.sysctls].map(([path, value]) => `sysctl ${path} ${value}`),
    ...tables,
  ].sort();
}
