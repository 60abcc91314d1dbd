// What changes in a node's kernel, as `ip monitor` and `nft monitor` tell it.
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { argvInside, ip, PATH, type Place } from '../support/command.ts';
import { nft } from './steps.ts';

export interface Monitor {
  /** The lines since the start. */
  stop(): Promise<readonly string[]>;
}

/** A rule and a table that say, by being heard of, that all before them was heard of too. */
const MARK = '4242';

/** Listens to links, addresses, routes, rules and nftables when it returns. */
export async function monitor(place: Place): Promise<Monitor> {
  const watchers = [
    watch(place, ['ip', 'monitor', 'link', 'address', 'route', 'rule']),
    watch(place, ['nft', 'monitor']),
  ];
  await heard(place, watchers);
  const from = watchers.map(({ lines }) => lines().length);
  return {
    stop: async () => {
      await heard(place, watchers);
      const lines = watchers.flatMap(({ lines }, i) => lines().slice(from[i]));
      for (const { end } of watchers) await end();
      return lines.filter(line => !line.includes(MARK) && !line.startsWith('# new generation'));
    },
  };
}

function watch(place: Place, command: readonly string[]) {
  const [file = '', ...args] = argvInside(place, command);
  const child = execa(file, args, { reject: false, env: { PATH }, stdin: 'ignore' });
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
  });
  return {
    lines: () => printed.split('\n').slice(0, -1).filter(Boolean),
    end: async () => {
      child.kill('SIGINT');
      await child;
    },
  };
}

async function heard(place: Place, watchers: readonly ReturnType<typeof watch>[]): Promise<void> {
  const count = (of: ReturnType<typeof watch>) => of.lines().filter(line => line.includes(MARK)).length;
  const before = watchers.map(count);
  for (const end = Date.now() + 5000; Date.now() < end; await sleep(20)) {
    await ip(place, 'rule', 'add', 'preference', MARK, 'to', '192.0.2.255', 'lookup', MARK);
    await ip(place, 'rule', 'delete', 'preference', MARK);
    await nft(place, `add table ip t${MARK}`, `delete table ip t${MARK}`, `add table ip t${MARK}`);
    await nft(place, `delete table ip t${MARK}`);
    await sleep(30);
    if (watchers.every((of, i) => count(of) > (before[i] ?? 0))) {
      // What is on its way of the marks themselves.
      await sleep(50);
      return;
    }
  }
  throw new Error('the monitors tell nothing');
}
