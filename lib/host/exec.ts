import { spawn } from 'node:child_process';
import { quoted, VmnetError } from '../core/errors.ts';

/** How a child process ended. */
export interface Exit {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export type Tool = 'ip' | 'nft' | 'perl' | 'socat';

const PACKAGES: Readonly<Record<Tool, string>> = {
  ip: 'iproute2',
  nft: 'nftables',
  perl: 'perl-base',
  socat: 'socat',
};

/** Callers come with any PATH, cron's and the hypervisor's among them; the tools are always in these places. */
const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** What every tool gets: nothing of the caller's but the means to find its own files. */
export function environment(): Readonly<Record<string, string>> {
  return { PATH: SYSTEM_PATH, LC_ALL: 'C' };
}

/** Runs one tool with its input and waits for its end. Nothing else in vmnet's data path starts a process; there is no shell. */
export function run(tool: Tool, args: readonly string[], input: string | Uint8Array = ''): Promise<Exit> {
  const child = spawn(tool, args, { stdio: 'pipe', env: environment(), cwd: '/' });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  return new Promise((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.on('error', error => reject(startError(tool, error)));
    child.on('close', (code, signal) => {
      if (signal === null) resolve({ code: code ?? 0, stdout: text(out), stderr: text(err) });
      else
        reject(
          new VmnetError('kernel', `${tool} was ended by ${signal}`, {
            hint: 'look into the kernel log, then run it again',
          }),
        );
    });
    // A tool that stops at an error leaves the rest of its input unread.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

/** What a tool said when it failed, as an error of the kernel's or of the rights that we lack. */
export function toolError(tool: Tool, exit: Exit, doing: string): VmnetError {
  const said = exit.stderr
    .trim()
    .split('\n')
    .filter(line => !line.startsWith('Command failed'));
  const words = said[0] ?? `exit code ${exit.code}`;
  if (/Operation not permitted|must be root/i.test(exit.stderr)) {
    return new VmnetError('permission', `${tool} may not ${doing}: ${words}`, { hint: 'run it as root' });
  }
  return new VmnetError('kernel', `${tool} failed at ${quoted(doing)}: ${words}`, {
    hint: 'what this run had changed is undone',
  });
}

export function startError(tool: Tool, error: Error): VmnetError {
  const code = (error as NodeJS.ErrnoException).code;
  if (code !== 'ENOENT' && code !== 'EACCES')
    return new VmnetError('kernel', `${tool} cannot be started: ${error.message}`);
  return new VmnetError('missing', `${tool} is not installed`, { hint: `apt-get install ${PACKAGES[tool]}` });
}

function text(chunks: readonly Buffer[]): string {
  return Buffer.concat(chunks).toString('utf8');
}
