// A program as one file: the bundle, and behind it what V8 has compiled it to. Compiling each function when it is first
// called would take an attach about 20 ms, as long as Node's own start.
import { rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Script } from 'node:vm';
import { build, type Plugin } from 'esbuild';
import { PARTS, type Parts, rehearse, rehearseCommand, setScene, standIns } from './rehearsal.ts';

/** Which function of the program runs is told by name, since all hooks are one program. */
const PARAMETERS = ['exports', 'require', 'module', '__filename', '__dirname', 'entry'];

export interface Bundled {
  readonly root: string;
  readonly plugins: readonly Plugin[];
}

export interface Source extends Bundled {
  /** A TypeScript expression, with imports from `root`. */
  readonly run: string;
  /** The entry that is the command line, if it has one. */
  readonly command?: string;
}

/** The length of the bundle in its first four bytes, the bundle, and the compiled code. */
export async function programOf({ run, command, ...bundled }: Source): Promise<Buffer> {
  const parts = PARTS.map(path => `import('./${path}')`);
  const main = `return entry === undefined ? Promise.all([${parts}]) : ${run};`;
  const text = Buffer.from(`(function(${PARAMETERS}){${await bundleOf(main, bundled)}\n})`, 'latin1');
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  return Buffer.concat([length, text, await compiled(text.toString('latin1'), command)]);
}

/** `text` is TypeScript. */
export async function bundleOf(text: string, { root, plugins }: Bundled): Promise<string> {
  const result = await build({
    stdin: { contents: text, resolveDir: root, loader: 'ts' },
    absWorkingDir: root,
    bundle: true,
    write: false,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    charset: 'ascii',
    legalComments: 'none',
    minifyWhitespace: true,
    logLevel: 'error',
    plugins: [...plugins],
    define: { 'import.meta.url': 'importMetaUrl', 'import.meta.dirname': '__dirname' },
  }).catch(() => process.exit(1));
  const code = result.outputFiles[0]?.text ?? '';
  const url = code.includes('importMetaUrl')
    ? "const importMetaUrl = require('node:url').pathToFileURL(__filename).href;\n"
    : '';
  return url + code;
}

/** What has run, and nothing else. */
async function compiled(text: string, command: string | undefined): Promise<Buffer> {
  const script = new Script(text);
  const require = createRequire(import.meta.url);
  const said: string[] = [];
  const modules = standIns(said);
  const standIn = (name: string): unknown => modules[name] ?? require(name);
  const program = script.runInThisContext() as (...given: readonly unknown[]) => Promise<readonly object[]>;
  const stateDir = setScene();
  await rehearse(Object.assign({}, ...(await program({}, standIn, {}, '', '', undefined))) as Parts, said);
  if (command !== undefined) await rehearseCommand(() => program({}, standIn, {}, '', '', command));
  rmSync(stateDir, { recursive: true });
  return script.createCachedData();
}

/**
 * MB that new objects fill before they are first looked through, which would happen three times in an attach. Any other
 * flag but one of the heap's would make V8 refuse the compiled code, Node's own included.
 */
const HEAP = '--min-semi-space-size=8';

/**
 * The executable that runs `entry` of a program. The path is absolute, as Ganeti replaces links to what it executes by
 * copies on its other nodes. V8 checks that the code is for this Node; where it is not, it compiles the bundle as if
 * there were none.
 */
export function launcherOf(node: string, path: string, entry: string): string {
  return `#!${node} ${HEAP}
'use strict';
const path = ${JSON.stringify(path)};
const file = require('node:fs').readFileSync(path);
const end = 4 + file.readUInt32LE(0);
const { Script } = require('node:vm');
const script = new Script(file.latin1Slice(4, end), { filename: path, cachedData: file.subarray(end) });
script.runInThisContext()(exports, require, module, path, require('node:path').dirname(path), '${entry}');
`;
}
