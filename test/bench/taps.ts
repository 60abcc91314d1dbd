// The other ends of a node's taps: a process in its namespace that writes frames and sees what comes out.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { argvInside, ip, ipBatch, PATH } from '../support/command.ts';
import { type BenchNic, type BenchNode, GATEWAY, GATEWAY6, UPLINK } from './node.ts';
import type { Programs } from './programs.ts';

export interface Taps {
  readonly node: BenchNode;
  /** MACs of the node's own ends. */
  readonly macs: ReadonlyMap<string, string>;
  /** How many of `number` packets came out. */
  count(tap: string, sink: string, number: number, frame: string): Promise<number>;
  /** Nanoseconds a packet. */
  time(tap: string, milliseconds: number, frame: string): Promise<number>;
  close(): Promise<void>;
}

/** What is beyond the uplink. */
export const ROUTER_MAC = '02:00:00:00:00:01';

/** Takes the ends of the uplink and of these NICs. A router's neighbours are known, so that no packet waits for an answer. */
export async function holdTaps(
  programs: Programs,
  node: BenchNode,
  nics: readonly BenchNic[],
): Promise<Taps> {
  const { ask, close } = openPackets(programs, node);
  for (const tap of [UPLINK, ...nics.map(nic => nic.tap)]) await ask(`open ${tap}`);
  if (node.mode === 'routed') await ipBatch(node, neighbours(nics));
  const links = JSON.parse(await ip(node, '-j', 'link', 'show')) as Link[];
  return {
    node,
    macs: new Map(links.map(link => [link.ifname, link.address])),
    count: async (tap, sink, number, frame) => Number(await ask(`count ${tap} ${sink} ${number} ${frame}`)),
    time: async (tap, milliseconds, frame) => Number(await ask(`time ${tap} ${milliseconds} ${frame}`)),
    close,
  };
}

function neighbours(nics: readonly BenchNic[]): readonly string[] {
  const known = (address: string, dev: string, mac: string) =>
    `neigh replace ${address} dev ${dev} lladdr ${mac} nud permanent`;
  return [
    ...[GATEWAY, GATEWAY6].map(address => known(address, UPLINK, ROUTER_MAC)),
    ...nics.flatMap(({ ip, ip6, tap, mac }) => [ip, ip6].map(address => known(address, tap, mac))),
  ];
}

interface Link {
  readonly ifname: string;
  readonly address: string;
}

function openPackets(programs: Programs, node: BenchNode) {
  const [file = '', ...args] = argvInside(node, [programs.packets]);
  const child = spawn(file, args, { env: { ...process.env, PATH }, stdio: ['pipe', 'pipe', 'pipe'] });
  const ended = new Promise<void>(resolve => {
    child.on('error', () => resolve());
    child.on('close', () => resolve());
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  child.stdin.on('error', () => undefined);
  const answers = createInterface(child.stdout)[Symbol.asyncIterator]();
  return {
    ask: async (line: string): Promise<string> => {
      child.stdin.write(`${line}\n`);
      const answer = await answers.next();
      if (answer.done === true) throw new Error(`packets, at ${line}: ${said.trim()}`);
      return answer.value;
    },
    close: async () => {
      child.stdin.end();
      await ended;
    },
  };
}
