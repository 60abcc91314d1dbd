// One folder a case: request.json and vmnet.ini against what `observed/` holds, which a real kernel and its tools printed,
// give what `expected/` says. After a change that is meant to show here, rewrite the expected files and read the diff:
//   VMNET_GOLDEN=rewrite make test SUITES=golden
// Where CI is set, they are never rewritten.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { VmnetError } from '../../lib/core/errors.ts';
import { parseIfname } from '../../lib/core/model/ifname.ts';
import { type Plan, stepText } from '../../lib/core/plan/plan.ts';
import { type Batch, render } from '../../lib/core/plan/render.ts';
import { attach } from '../../lib/run/attach.ts';
import { detach } from '../../lib/run/detach.ts';
import type { Context } from '../../lib/run/ports.ts';
import { repair } from '../../lib/run/repair.ts';
import { GOLDEN, goldenCases, goldenHost, readCase, requestOf } from '../support/golden.ts';
import { contextOf } from '../support/world.ts';

const rewrite = process.env.VMNET_GOLDEN === 'rewrite' && process.env.CI === undefined;

for (const name of goldenCases()) {
  test(name, async () => {
    const dir = join(GOLDEN, name, 'expected');
    const files = Object.entries(await filesOf(name)).filter(([, text]) => text !== '');
    if (rewrite) {
      rmSync(dir, { recursive: true, force: true });
      mkdirSync(dir);
      for (const [file, text] of files) writeFileSync(join(dir, file), text);
    }
    const expected = existsSync(dir) ? readdirSync(dir) : [];
    assert.deepEqual(expected.sort(), files.map(([file]) => file).sort());
    for (const [file, text] of files) assert.equal(text, readFileSync(join(dir, file), 'utf8'), file);
  });
}

async function filesOf(name: string): Promise<Readonly<Record<string, string>>> {
  const plan = await act(name, contextWith(name), true);
  const batches = render(plan.steps);
  const host = goldenHost(name);
  await act(name, contextWith(name, host), false);
  assert.deepEqual(texts(host.ran), texts(batches), 'a dry run shows what is run');
  return {
    'plan.txt':
      plan.steps.length === 0 ? 'nothing to do\n' : plan.steps.map(step => `${stepText(step)}\n`).join(''),
    'sysctl.txt': linesOf(batches, 'sysctl'),
    'nft.txt': linesOf(batches, 'nft'),
    'ip.txt': linesOf(batches, 'ip'),
    'bridge.txt': linesOf(batches, 'bridge'),
    'ovs.txt': linesOf(batches, 'ovs'),
    'ip6.txt': linesOf(batches, 'ip6'),
    'undo.txt': await undoOf(name, plan),
  };
}

async function act(name: string, context: Context, dryRun: boolean): Promise<Plan> {
  const one = readCase(name);
  if (one.does === 'attach') return (await attach(context, requestOf(one, context), { dryRun })).plan;
  if (one.does === 'repair') return (await repair(context, [], { dryRun })).plan;
  return (await detach(context, parseIfname(one.tap ?? '', 'request.json'), { dryRun })).plan;
}

/** Everything was done when it failed, so all of it is undone. A detach is never undone. */
async function undoOf(name: string, plan: Plan): Promise<string> {
  if (readCase(name).does === 'detach' || plan.steps.length === 0) return '';
  const host = goldenHost(name);
  host.failNext();
  await assert.rejects(
    act(name, contextWith(name, host), false),
    (error: unknown) => error instanceof VmnetError && error.exit === 'kernel',
  );
  return numbered(host.ran.slice(render(plan.steps).length));
}

function contextWith(name: string, host = goldenHost(name)): Context {
  return contextOf(host, readFileSync(join(GOLDEN, name, 'vmnet.ini'), 'utf8'));
}

function texts(batches: readonly Batch[]): readonly string[] {
  return batches.flatMap(batch => batch.lines.map(line => `${batch.tool} ${line.text}`));
}

/** The lines of one tool, each batch headed by its place among all. */
function linesOf(batches: readonly Batch[], tool: Batch['tool']): string {
  return batches
    .map((batch, index) => (batch.tool === tool ? headed(batch, `${index + 1} of ${batches.length}`) : ''))
    .join('');
}

function numbered(batches: readonly Batch[]): string {
  return batches
    .map((batch, index) => headed(batch, `${index + 1} of ${batches.length}: ${batch.tool}`))
    .join('');
}

function headed(batch: Batch, head: string): string {
  return `# ${head}\n${batch.lines.map(line => `${line.text}\n`).join('')}`;
}
