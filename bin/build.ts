// Bundles the command line and every hook into dist/, each one self-contained file.
// CommonJS without white space: it starts faster than an ES module, and neither shorter names nor a compile cache nor
// a start-up snapshot saves time that can be told from noise (doc/DESIGN.md has the figures).
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { build, type Plugin } from 'esbuild';

// A `#!` line ends at the first space, and the kernel reads 255 bytes of it.
const SHEBANG_MAX = 250;

const root = dirname(import.meta.dirname);
const dist = join(root, 'dist');
const node = join(root, 'node_modules/node/bin/node');

// Only who logs to a file loads it: within every hook, reading it would cost more than the kernel's part of the work.
const winston = join(dist, 'winston.cjs');

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

interface Bundle {
  readonly source: string;
  readonly target: string;
}

await main();

async function main(): Promise<void> {
  if (/\s/.test(node) || node.length > SHEBANG_MAX)
    fail(`${node}: no #! line can name this path; move the checkout`);
  const bundles = [
    { source: join(root, 'lib/cli/main.ts'), target: join(dist, 'vmnet.cjs') },
    { source: 'winston', target: winston },
    ...hookBundles(),
  ];
  for (const { source } of bundles)
    if (source !== 'winston' && !existsSync(source)) fail(`${relative(root, source)}: missing`);
  const texts = await Promise.all(bundles.map(bundleText));
  // The checkout's package.json makes files without extension ES modules; the hooks are CommonJS.
  replace(join(dist, 'package.json'), '{ "type": "commonjs" }\n', 0o644);
  bundles.forEach((bundle, i) => {
    replace(bundle.target, texts[i] ?? '', 0o755);
  });
  removeStale(new Set(bundles.map(bundle => bundle.target)));
  const size = Math.round((texts[0] ?? '').length / 1024);
  console.log(`build: dist/vmnet.cjs (${size} KB) and ${bundles.length - 2} hooks`);
}

function hookBundles(): Bundle[] {
  const dir = join(root, 'hooks');
  return readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .filter(path => path.endsWith('.ts') && !path.endsWith('.d.ts'))
    .sort()
    .map(path => ({ source: join(dir, path), target: join(dist, 'hooks', path.slice(0, -'.ts'.length)) }));
}

async function bundleText({ source, target }: Bundle): Promise<string> {
  const result = await build({
    entryPoints: [source],
    absWorkingDir: root,
    bundle: true,
    write: false,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    legalComments: 'none',
    minifyWhitespace: true,
    logLevel: 'error',
    plugins: target === winston ? [] : [beside(target), ascii],
    define: { 'import.meta.url': 'importMetaUrl', 'import.meta.dirname': '__dirname' },
  }).catch(() => process.exit(1));
  const text = result.outputFiles[0]?.text ?? '';
  const url = text.includes('importMetaUrl')
    ? "const importMetaUrl = require('node:url').pathToFileURL(__filename).href;\n"
    : '';
  return `#!${node}\n${url}${text.replace(/^#!.*\n/, '')}`;
}

function beside(target: string): Plugin {
  const path = join(relative(dirname(target), dist), 'winston.cjs');
  return {
    name: 'winston beside',
    setup: ({ onResolve }) =>
      onResolve({ filter: /^winston$/ }, () => ({ path: `./${path}`, external: true })),
  };
}

/** By rename: a hook that is running, or starting, sees the old file or the new one. */
function replace(path: string, text: string, mode: number): void {
  const fresh = `${path}.${process.pid}`;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(fresh, text);
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
