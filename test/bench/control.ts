// What attaching costs: each command beside a bare start of the same Node, one after the other, round after round.
import { type BenchNic, type BenchNode, bareNode, down, proxiesOf, up, vmnet, vmnetAttach } from './node.ts';
import { type Command, measure, type Programs, type Timing } from './programs.ts';
import type { Row } from './rows.ts';

const KINDS = ['node', 'attach', 'again', 'check', 'cli', 'detach', 'bridged'] as const;
type Kind = (typeof KINDS)[number];

export interface Course {
  readonly title: string;
  readonly node: BenchNode;
  /** A NIC whose tap is there and free. */
  readonly nic: BenchNic;
  readonly bridged: boolean;
  readonly timings: Readonly<Record<Kind, Timing[]>>;
}

export function newCourse(title: string, node: BenchNode, nic: BenchNic, bridged: boolean): Course {
  const timings = Object.fromEntries(KINDS.map(kind => [kind, []])) as unknown as Course['timings'];
  return { title, node, nic, bridged, timings };
}

/** One run of every command; what is attached is detached again. */
export async function oneRound(programs: Programs, { node, nic, bridged, timings }: Course): Promise<void> {
  const time = async (kind: Kind, command: Command, proxies: readonly string[] = []) => {
    timings[kind].push(await measure(programs, node, command, proxies));
  };
  await time('node', bareNode(node));
  await time('attach', up(node, nic), proxiesOf(nic));
  await time('again', up(node, nic));
  await time('check', vmnet(node, 'check', nic.tap));
  await time('node', bareNode(node));
  await time('detach', down(node, nic));
  await time('cli', vmnetAttach(node, nic));
  await time('detach', down(node, nic));
  if (!bridged) return;
  await time('bridged', up(node, nic, 'bridged'));
  await measure(programs, node, down(node, nic, 'bridged'));
}

export function controlRows({ title, bridged, timings }: Course): readonly Row[] {
  const walls = (kind: Kind) => timings[kind].map(timing => timing.wall);
  const row = (what: string, values: readonly number[], budget?: number): Row => ({
    section: `Control plane, ${title}, to a bare node -e 0`,
    what,
    unit: 'ms',
    values,
    base: walls('node'),
    ...(budget === undefined ? {} : { budget }),
  });
  return [
    row('node -e 0', walls('node')),
    row(
      'attach, until the data path works',
      timings.attach.map(timing => timing.ready),
      2,
    ),
    row('attach, whole', walls('attach'), 3.5),
    row('attach again, nothing to change', walls('again')),
    row('attach by the command line', walls('cli')),
    row('check of one tap', walls('check'), 3),
    row('detach', walls('detach')),
    ...(bridged ? [row('bridged attach, whole', walls('bridged'), 3.5)] : []),
  ];
}
