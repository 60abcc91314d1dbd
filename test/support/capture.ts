// What passes a link, as tcpdump prints it.
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { argvInside, PATH, type Place } from './command.ts';

export interface Capture {
  /** The lines up to now. */
  lines(): readonly string[];
  /** Waits for a line that matches; an error after `timeoutMs` (2 s), with the lines that came instead. */
  until(pattern: RegExp, timeoutMs?: number): Promise<string>;
  /** Ends the capture; what was on the link before is in the lines. */
  stop(): Promise<readonly string[]>;
}

/** Captures on a link: `tcpdump -nn -e -l`, one line a frame. Listens when it returns. */
export async function capture(place: Place, ifname: string, filter = ''): Promise<Capture> {
  // Without immediate mode the kernel keeps frames for up to a second.
  const options = ['-nn', '-e', '-U', '-l', '--immediate-mode'];
  const argv = argvInside(place, ['tcpdump', ...options, '-i', ifname, ...(filter === '' ? [] : [filter])]);
  const child = execa(argv[0] ?? '', argv.slice(1), { reject: false, env: { PATH }, stdin: 'ignore' });
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
  });
  await listening(child.stderr, child, ifname);
  // The last one may be half a line; and tcpdump ends with an empty one.
  const lines = () => printed.split('\n').slice(0, -1).filter(Boolean);
  return {
    lines,
    until: async (pattern, timeoutMs = 2000) => {
      for (const end = Date.now() + timeoutMs; Date.now() < end; await sleep(5)) {
        const line = lines().find(candidate => pattern.test(candidate));
        if (line !== undefined) return line;
      }
      throw new Error(`nothing like ${pattern} on ${ifname} in ${timeoutMs} ms, but:\n${printed}`);
    },
    stop: async () => {
      await sleep(50);
      child.kill('SIGINT');
      await child;
      return lines();
    },
  };
}

/** tcpdump says that it listens when the socket is open and the filter in place. */
async function listening(
  stderr: NodeJS.ReadableStream,
  ended: Promise<unknown>,
  ifname: string,
): Promise<void> {
  let said = '';
  const ready = new Promise<boolean>(done => {
    stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes('listening on')) done(true);
    });
  });
  if (!(await Promise.race([ready, ended.then(() => false)])))
    throw new Error(`tcpdump on ${ifname}: ${said.trim()}`);
}
