// `make e2e`: vmnet under real hypervisors, and a real Ganeti above them. Quiet when green, exact when red; then what the migrations took.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { run } from 'node:test';
import { missingForNamespaces } from '../support/command.ts';
import { tally } from '../support/outcome.ts';
import { layer } from './layer.ts';

const EX_UNAVAILABLE = 69;
const TIMEOUT_MS = 900_000;
const root = join(import.meta.dirname, '../..');

await main();

async function main(): Promise<void> {
  const missing = missingHere();
  if (missing !== undefined) {
    console.error(`e2e: ${missing}`);
    process.exitCode = EX_UNAVAILABLE;
    return;
  }
  const path = await layer();
  const dir = mkdtempSync(join(tmpdir(), 'vmt-figures-'));
  const figures = join(dir, 'figures');
  process.env.VMNET_E2E_FIGURES = figures;
  process.env.VMNET_E2E_LAYER = path;
  const start = performance.now();
  const files = readdirSync(import.meta.dirname)
    .filter(name => name.endsWith('.test.ts'))
    .map(name => join(import.meta.dirname, name));
  const shown = (path: string): string => relative(root, path);
  const outcome = await tally(run({ files, concurrency: 1, cwd: root, timeout: TIMEOUT_MS }), shown);
  for (const line of outcome.skipped) console.log(`skipped: ${line}`);
  if (existsSync(figures)) process.stdout.write(readFileSync(figures, 'utf8'));
  rmSync(dir, { recursive: true });
  const failed = outcome.failed > 0 ? `, ${outcome.failed} failed` : '';
  const skipped = outcome.skipped.length > 0 ? `, ${outcome.skipped.length} skipped` : '';
  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  console.log(`e2e: ${outcome.passed} passed${failed}${skipped} (${seconds} s)`);
  process.exitCode = outcome.failed === 0 ? 0 : 1;
}

/** Why it cannot be run on this machine, in one line. */
function missingHere(): string | undefined {
  if (process.arch !== 'x64') return 'the guests are for amd64';
  if (!existsSync('/usr/bin/apt-get')) return "needs Debian's apt-get, for Ganeti and QEMU";
  if (existsSync('/var/lib/ganeti/config.data')) return 'this machine is a node of a Ganeti cluster itself';
  if (!existsSync('/dev/net/tun')) return 'needs /dev/net/tun';
  return missingForNamespaces();
}
