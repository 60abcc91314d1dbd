// Bundles the command line and the hooks into dist/: a program each, and a launcher for everything that is executed.
// CommonJS without white space starts faster than an ES module; shorter names save nothing (doc/DESIGN.md has figures).
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { Plugin } from 'esbuild';
import { bundleOf, launcherOf, programOf } from './program.ts';

// The path in a `#!` line ends at the first space, and the kernel reads 255 bytes of the line.
const SHEBANG_MAX = 225;

const root = dirname(import.meta.dirname);
const dist = join(root, 'dist');
const node = join(root, 'node_modules/node/bin/node');

/** Only who logs to a file loads it: within every program, reading it would cost more than the kernel's part of the work. */
const beside: Plugin = {
  name: 'winston beside',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^winston$/ }, ({ path }) => ({ path, namespace: 'beside' }));
    onLoad({ filter: /^/, namespace: 'beside' }, () => ({
      contents: "module.exports = require(__dirname + '/winston.cjs')",
    }));
  },
};

/**
 * yargs measures its help in graphemes, and the tables for that cost as much as Node's own start, on every command. Our
 * help is ASCII: its width is its length, and it is folded at spaces.
 */
const ascii: Plugin = {
  name: 'ascii',
  setup: ({ onLoad }) => {
    onLoad({ filter: /node_modules\/string-width\/index\.js$/ }, () => ({ contents: WIDTH }));
    onLoad({ filter: /node_modules\/wrap-ansi\/index\.js$/ }, () => ({ contents: WRAP }));
  },
};
const WIDTH = 'export default text => text.length;';
const WRAP = `export default (text, width) =>
  text.replace(new RegExp('(?![^\\n]{1,' + width + '}$)([^\\n]{1,' + width + '}) ', 'g'), '$1\\n');`;

/**
 * ip-address makes tables of well-known networks while it is loaded, and nobody here asks for them: 60 addresses are
 * parsed, which is a tenth of what an attach takes. Each is made where it is first asked for.
 */
const later: Plugin = {
  name: 'tables later',
  setup: ({ onLoad }) => {
    onLoad({ filter: /node_modules\/ip-address\/dist\/ipv[46]\.js$/ }, ({ path }) => ({
      contents: withTablesLater(readFileSync(path, 'utf8')),
    }));
  },
};

await main();

async function main(): Promise<void> {
  if (/\s/.test(node) || node.length > SHEBANG_MAX)
    fail(`${node}: no #! line can name this path; move the checkout`);
  const names = hookNames();
  const plugins = [beside, ascii, later];
  const vmnet = await programOf({ run: "import('./lib/cli/main.ts')", command: 'vmnet', root, plugins });
  const hook = await programOf({ run: hooksText(names), root, plugins });
  const log = await bundleOf("module.exports = require('winston');", { root, plugins: [] });
  // The checkout's package.json makes files without extension ES modules; the launchers are CommonJS.
  replace(join(dist, 'package.json'), '{ "type": "commonjs" }\n', 0o644);
  replace(join(dist, 'winston.cjs'), log, 0o644);
  replace(join(dist, 'vmnet.program'), vmnet, 0o644);
  replace(join(dist, 'hooks.program'), hook, 0o644);
  replace(join(dist, 'vmnet.cjs'), launcherOf(node, join(dist, 'vmnet.program'), 'vmnet'), 0o755);
  for (const name of names) {
    replace(join(dist, 'hooks', name), launcherOf(node, join(dist, 'hooks.program'), name), 0o755);
  }
  removeStale(new Set(names.map(name => join(dist, 'hooks', name))));
  console.log(`build: dist/vmnet.cjs and ${names.length} hooks`);
}

/** `const NAME = VALUE;` below the class becomes `let NAME;`, and NAME within the class `(NAME ??= VALUE)`. */
function withTablesLater(text: string): string {
  const end = /^exports\.Address[46] = Address[46];$/m.exec(text);
  if (end === null) fail('ip-address is not as bin/build.ts knows it');
  const tables = [...text.slice(end.index).matchAll(/^const (\w+) = ([\s\S]*?);$/gm)];
  const values = new Map(tables.map(([, name = '', value = '']) => [name, value]));
  const names = new RegExp(`\\b(${[...values.keys()].join('|')})\\b`, 'g');
  const body = text.slice(0, end.index).replace(names, name => `(${name} ??= ${values.get(name)})`);
  return `${body}${end[0]}\nlet ${[...values.keys()].join(', ')};\n`;
}

/** One program for all: which of them runs, the launcher says. */
function hooksText(names: readonly string[]): string {
  const hooks = names.map(name => `${JSON.stringify(name)}: () => import('./hooks/${name}.ts')`);
  return `({ ${hooks.join(', ')} })[entry]()`;
}

/** As below hooks/, without the ending: `network/routed/up`. */
function hookNames(): readonly string[] {
  return readdirSync(join(root, 'hooks'), { recursive: true, encoding: 'utf8' })
    .filter(path => path.endsWith('.ts') && !path.endsWith('.d.ts'))
    .map(path => path.slice(0, -'.ts'.length))
    .sort();
}

/** By rename: a hook that is running, or starting, sees the old file or the new one. */
function replace(path: string, data: string | Uint8Array, mode: number): void {
  const fresh = `${path}.${process.pid}`;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(fresh, data);
  chmodSync(fresh, mode);
  renameSync(fresh, path);
}

function removeStale(wanted: ReadonlySet<string>): void {
  const hooks = join(dist, 'hooks');
  if (!existsSync(hooks)) return;
  for (const entry of readdirSync(hooks, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && !wanted.has(path)) rmSync(path);
  }
}

function fail(line: string): never {
  console.error(`build: ${line}`);
  process.exit(1);
}
