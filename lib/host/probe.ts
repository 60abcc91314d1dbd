import { readdirSync, readFileSync } from 'node:fs';
import { type Claim, claimantOf, type Probe, type Probed, probeFrames } from '../core/announce/probe.ts';
import { addressBytes } from '../core/model/address.ts';
import { start } from './exec.ts';
import { PROBE_PROGRAM } from './probe-program.ts';

/** A lost frame is made up for by the next; who takes longer than this to answer is not on the segment. */
const ROUNDS = 3;
const INTERVAL_MS = 100;
/** Beyond its own end, which a machine under load may put off. */
const TIMEOUT_MS = 3000;

/** Asks for all of them at once, in one process. An error is one of the process: nothing was asked then. */
export async function probe(probes: readonly Probe[], path?: string): Promise<Probed> {
  const lines = probes.flatMap(one =>
    probeFrames(one).map(frame => `${one.dev} ${hex(frame)} ${hex(addressBytes(one.address))}\n`),
  );
  const args = ['-e', PROBE_PROGRAM, '--', String(ROUNDS), String(INTERVAL_MS)];
  const program = start('perl', args, path === undefined ? {} : { path });
  const { stdout, stderr, code } = await program.finish(lines.join(''), TIMEOUT_MS);
  const failed = stderr.split('\n').filter(line => line !== '');
  if (code !== 0 && failed.length === 0) failed.push(`perl: exit code ${code}`);
  const own = ownMacs();
  const claims = stdout.split('\n').flatMap(line => claimsOf(line, probes));
  return { claims: claims.filter(({ mac }) => !own.has(mac)), failed };
}

function claimsOf(line: string, probes: readonly Probe[]): readonly Claim[] {
  const [dev = '', text = ''] = line.split(' ');
  const frame = Buffer.from(text, 'hex');
  return probes.flatMap(one => {
    const mac = one.dev === dev ? claimantOf(frame, one.address) : undefined;
    return mac === undefined ? [] : [{ probe: one, mac }];
  });
}

/** Of a segment that this machine is on by two links, and of a switch that sends frames back: that is nobody else. */
function ownMacs(): ReadonlySet<string> {
  const links = readdirSync('/sys/class/net');
  return new Set(links.flatMap(link => addressOf(link)));
}

function addressOf(link: string): string[] {
  try {
    return [readFileSync(`/sys/class/net/${link}/address`, 'utf8').trim()];
  } catch {
    return [];
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
