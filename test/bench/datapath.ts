// What a packet costs between a VM and the uplink, routed and bridged: with vmnet at one NIC and at many, without its
// filter, and without vmnet.
import { setTimeout as sleep } from 'node:timers/promises';
import { ipBatch } from '../support/command.ts';
import { frameOf } from './frames.ts';
import { type BenchNic, type BenchNode, GATEWAY, GATEWAY6, type Mode, nicOf, UPLINK } from './node.ts';
import type { Programs } from './programs.ts';
import type { Row } from './rows.ts';
import { holdTaps, ROUTER_MAC, type Taps } from './taps.ts';

const VARIANTS = ['plain', 'open', 'one', 'last', 'first'] as const;
type Variant = (typeof VARIANTS)[number];
const PATHS = [
  'IPv4, VM to uplink',
  'IPv4, uplink to VM',
  'IPv6, VM to uplink',
  'IPv6, uplink to VM',
] as const;
type Path = (typeof PATHS)[number];

interface Cell {
  readonly variant: Variant;
  readonly path: Path;
  readonly taps: Taps;
  readonly from: string;
  readonly sink: string;
  readonly legal: string;
  /** Frames with a source, an address or a MAC, that is not the VM's. */
  readonly forged: readonly string[];
  readonly times: number[];
}

export interface DataPath {
  readonly rows: readonly Row[];
  /** Packets that went where they must not, or did not arrive. */
  readonly problems: readonly string[];
}

const OUTSIDE = { IPv4: '203.0.113.9', IPv6: '2001:db8:ffff::9' } as const;
const PACKETS = 500;
const BATCH_MS = 5;
const ROUNDS = 100;
/** No round begins after this; a loaded machine gets fewer of them, and the table says so. */
const LAST_ROUND_MS = 20_000;
/** Of a packet, to one that no filter sees. */
const FILTER_BUDGET = 1.7;
/** A link that came up takes packets when the kernel's link watch has seen it. */
const CARRIER_MS = 5000;

/** On which NIC 0, and NICs 0 and `many` - 1, are attached, one whose NIC 0 has no filter, and one without vmnet. */
export type DataNodes = Readonly<Record<'one' | 'many' | 'plain' | 'open', BenchNode>>;

/** The nodes are all of one mode. */
export async function dataPath(programs: Programs, nodes: DataNodes, many: number): Promise<DataPath> {
  const first = nicOf(0);
  const last = nicOf(many - 1);
  const { mode } = nodes.one;
  await (mode === 'routed' ? forwardPlainly(nodes.plain, first) : bridgePlainly(nodes.plain, first));
  const open: Taps[] = [];
  try {
    for (const [node, nics] of [
      [nodes.plain, [first]],
      [nodes.open, [first]],
      [nodes.one, [first]],
      [nodes.many, [first, last]],
    ] as const)
      open.push(await holdTaps(programs, node, nics));
    const [plain, unfiltered, one, lots] = open as [Taps, Taps, Taps, Taps];
    const cells = PATHS.flatMap(path => [
      cellOf('plain', path, plain, first),
      cellOf('open', path, unfiltered, first),
      cellOf('one', path, one, first),
      cellOf('last', path, lots, last),
      cellOf('first', path, lots, first),
    ]);
    const problems: string[] = [];
    for (const cell of cells) problems.push(...(await problemsOf(cell)));
    await measureAll(cells);
    return { rows: rowsOf(cells, many, mode), problems };
  } finally {
    for (const taps of open) await taps.close();
  }
}

async function forwardPlainly(node: BenchNode, nic: BenchNic): Promise<void> {
  await ipBatch(node, [
    `link set ${nic.tap} up`,
    `route add ${nic.ip} dev ${nic.tap}`,
    `route add 198.18.0.0/16 dev ${UPLINK}`,
    `route add default via ${GATEWAY} dev ${UPLINK}`,
    `route add ${nic.ip6} dev ${nic.tap}`,
    `route add 2001:db8:993::/64 dev ${UPLINK}`,
    `route add default via ${GATEWAY6} dev ${UPLINK}`,
  ]);
}

async function bridgePlainly(node: BenchNode, { tap }: BenchNic): Promise<void> {
  await ipBatch(node, [`link set ${tap} master br0 up`]);
}

function cellOf(variant: Variant, path: Path, taps: Taps, nic: BenchNic): Cell {
  const four = path.startsWith('IPv4');
  const outside = four ? OUTSIDE.IPv4 : OUTSIDE.IPv6;
  const own = four ? nic.ip : nic.ip6;
  const other = nicOf(1);
  // A bridge's packets are for whom they reach, a router's for the router.
  const hopTo = (ifname: string, end: string) =>
    taps.node.mode === 'bridged' ? end : (taps.macs.get(ifname) ?? '');
  const base = { variant, path, taps, times: [] };
  if (path.endsWith('uplink to VM')) {
    const toMac = hopTo(UPLINK, nic.mac);
    const legal = frameOf({ fromMac: ROUTER_MAC, toMac, from: outside, to: own });
    return { ...base, from: UPLINK, sink: nic.tap, legal, forged: [] };
  }
  const toMac = hopTo(nic.tap, ROUTER_MAC);
  const sent = (from: string, fromMac = nic.mac) => frameOf({ fromMac, toMac, from, to: outside });
  const forged = four ? [other.ip, GATEWAY, '192.0.2.77'] : [other.ip6, GATEWAY6, '2001:db8:77::7'];
  const all = [...forged.map(from => sent(from)), sent(own, other.mac)];
  const isFiltered = variant !== 'plain' && variant !== 'open';
  return { ...base, from: nic.tap, sink: UPLINK, legal: sent(own), forged: isFiltered ? all : [] };
}

/** Every legal packet arrives, and no forged one. */
async function problemsOf({ variant, path, taps, from, sink, legal, forged }: Cell): Promise<string[]> {
  const until = performance.now() + CARRIER_MS;
  while ((await taps.count(from, sink, 1, legal)) === 0 && performance.now() < until) await sleep(50);
  const problems: string[] = [];
  const arrived = await taps.count(from, sink, PACKETS, legal);
  if (arrived !== PACKETS)
    problems.push(`${path}, ${variant}: ${arrived} of ${PACKETS} legal packets arrived`);
  for (const frame of forged) {
    const leaked = await taps.count(from, sink, PACKETS, frame);
    if (leaked > 0) problems.push(`${path}, ${variant}: ${leaked} of ${PACKETS} forged packets got through`);
  }
  return problems;
}

/** A device without a queue drops what nobody takes, at the very end of the packet's way. */
async function measureAll(cells: readonly Cell[]): Promise<void> {
  for (const { taps, sink } of cells) await ipBatch(taps.node, [`link set ${sink} txqueuelen 0`]);
  const until = performance.now() + LAST_ROUND_MS;
  // The first round warms up, the second is measured whatever it takes.
  for (let round = 0; round <= ROUNDS && (round < 2 || performance.now() < until); round++) {
    for (const { taps, from, legal, times } of cells) {
      const time = await taps.time(from, BATCH_MS, legal);
      if (round > 0) times.push(time);
    }
  }
}

function rowsOf(cells: readonly Cell[], many: number, mode: Mode): readonly Row[] {
  const against = (base: Variant, title: string, names: Names, budget?: number) =>
    PATHS.flatMap(path =>
      names.map(
        ([variant, name]): Row => ({
          section: `Data path, ${mode}, ${title}`,
          what: `${path}: ${name}`,
          unit: 'ns',
          values: timesOf(cells, variant, path),
          base: timesOf(cells, base, path),
          ...(budget === undefined || variant === base ? {} : { budget }),
        }),
      ),
    );
  const counts: Names = [
    ['one', '1 NIC'],
    ['last', `${many} NICs`],
  ];
  const ends: Names = [
    ['last', 'last NIC'],
    ['first', 'first NIC'],
  ];
  return [
    ...against('one', `a packet at ${many} NICs, to the same at 1 NIC`, ends, 1.1),
    ...against('open', 'a packet with the full filter, to the same without', counts, FILTER_BUDGET),
    // Routed, vmnet is policy routing too. To what a bridge does by itself it adds nothing but the filter.
    ...against(
      'plain',
      'a packet with vmnet, to the same on a node without',
      [['plain', 'without'], ...counts],
      mode === 'bridged' ? FILTER_BUDGET : undefined,
    ),
  ];
}

type Names = readonly (readonly [Variant, string])[];

function timesOf(cells: readonly Cell[], variant: Variant, path: Path): readonly number[] {
  return cells.find(cell => cell.variant === variant && cell.path === path)?.times ?? [];
}
