// `make check`: every checker over the whole tree. Quiet when green; all of what a red one wrote.
import { spawn } from 'node:child_process';
import { delimiter, dirname, join } from 'node:path';
import { longFiles, shellFiles } from './tree.ts';

interface Verdict {
  readonly name: string;
  readonly ok: boolean;
  readonly text: string;
}

const root = join(import.meta.dirname, '../../..');
// The tools are scripts for `env node`; they shall find the project's own.
const env = { ...process.env, PATH: [dirname(process.execPath), process.env.PATH].join(delimiter) };

await main();

async function main(): Promise<void> {
  const verdicts = await Promise.all([
    tool('tsc', ['node_modules/typescript/bin/tsc', '-b']),
    tool('biome', [
      'node_modules/@biomejs/biome/bin/biome',
      'ci',
      '--colors=off',
      '--diagnostic-level=warn',
      '--error-on-warnings',
    ]),
    tool('knip', ['node_modules/knip/bin/knip.js', '--no-progress']),
    command('shellcheck', 'shellcheck', shellFiles(root)),
    sizes(),
  ]);
  const red = verdicts.filter(verdict => !verdict.ok);
  for (const { name, text } of red) console.log(`FAILED ${name}\n${text.trim()}\n`);
  console.log(`check: ${verdicts.map(({ name, ok }) => `${name} ${ok ? 'ok' : 'FAILED'}`).join(', ')}`);
  process.exitCode = red.length === 0 ? 0 : 1;
}

function tool(name: string, args: readonly string[]): Promise<Verdict> {
  return command(name, process.execPath, args);
}

function command(name: string, file: string, args: readonly string[]): Promise<Verdict> {
  return new Promise(done => {
    const child = spawn(file, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    const collect = (chunk: Buffer) => {
      text += chunk.toString();
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.on('error', error => done({ name, ok: false, text: error.message }));
    child.on('close', code => done({ name, ok: code === 0, text }));
  });
}

function sizes(): Verdict {
  const lines = longFiles(root);
  return { name: 'file sizes', ok: lines.length === 0, text: lines.join('\n') };
}
