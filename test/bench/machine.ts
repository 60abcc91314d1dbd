// The machine that is measured, and leaving it as it was.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, statfsSync } from 'node:fs';
import { cpus, loadavg, release, tmpdir } from 'node:os';
import { must, PATH, type Place } from '../support/command.ts';

/** What figures of one machine may be compared by, a line each. */
export async function factsOf(): Promise<readonly string[]> {
  const [nft, ip, gcc] = await Promise.all(
    [
      ['nft', '--version'],
      ['ip', '-V'],
      ['gcc', '-dumpfullversion'],
    ].map(argv => must(argv)),
  );
  const processors = cpus();
  return [
    `Linux ${release()}, ${processors.length} x ${processors[0]?.model.trim()}, load ${loadavg()[0]?.toFixed(2)}`,
    `Node ${process.version}, ${nft?.trim()}, ${ip?.trim()}, gcc ${gcc?.trim()}`,
  ];
}

const SHARED_MEMORY = '/dev/shm';
/** f_type of statfs(2). */
const TMPFS_MAGIC = 0x01021994;

/**
 * Where the nodes' state goes. In production that is /run, a tmpfs: on a disk, the lock and the record of every run
 * would go through a journal, and wait for whatever else the disk is doing.
 */
export function scratchParent(): string {
  try {
    accessSync(SHARED_MEMORY, constants.W_OK);
    return statfsSync(SHARED_MEMORY).type === TMPFS_MAGIC ? SHARED_MEMORY : tmpdir();
  } catch {
    return tmpdir();
  }
}

/** At once, also while this process is ending, with all that still runs there. Its taps go with a namespace. */
export function removeNode({ ns }: Place): void {
  const env = { ...process.env, PATH };
  const { stdout } = spawnSync('ip', ['netns', 'pids', ns], { env, encoding: 'utf8' });
  for (const pid of stdout.split('\n').filter(line => line !== '')) {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }
  spawnSync('ip', ['netns', 'del', ns], { env, stdio: 'ignore' });
}
