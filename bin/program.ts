// A program as one file: the bundle, and behind it what V8 has compiled it to. Compiling each function when it is first
// called would take an attach about 20 ms, as long as Node's own start.
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';
import { build, type Plugin } from 'esbuild';

/** Which function of the program runs is told by name, since all hooks are one program. */
const PARAMETERS = ['exports', 'require', 'module', '__filename', '__dirname', 'entry'];

export interface Source {
  /** TypeScript, with imports from `root`. */
  readonly text: string;
  readonly root: string;
  readonly plugins: readonly Plugin[];
}

/** The length of the bundle in its first four bytes, the bundle, and the compiled code. */
export async function programOf(source: Source): Promise<Buffer> {
  const text = Buffer.from(`(function(${PARAMETERS}){${await bundleOf(source)}\n})`, 'latin1');
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  return Buffer.concat([length, text, compiled(text.toString('latin1'))]);
}

export async function bundleOf({ text, root, plugins }: Source): Promise<string> {
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

/** All functions, called or not. The flags are part of what V8 compares, so they are as before when it is asked. */
function compiled(text: string): Buffer {
  setFlagsFromString('--no-lazy');
  const script = new Script(text);
  setFlagsFromString('--lazy');
  return script.createCachedData();
}

/**
 * The executable that runs `entry` of a program. The path is absolute, as Ganeti replaces links to what it executes by
 * copies on its other nodes. V8 checks that the code is for this Node; where it is not, it compiles the bundle as if
 * there were none.
 */
export function launcherOf(node: string, path: string, entry: string): string {
  return `#!${node}
'use strict';
const path = ${JSON.stringify(path)};
const file = require('node:fs').readFileSync(path);
const end = 4 + file.readUInt32LE(0);
const { Script } = require('node:vm');
const script = new Script(file.latin1Slice(4, end), { filename: path, cachedData: file.subarray(end) });
script.runInThisContext()(exports, require, module, path, require('node:path').dirname(path), '${entry}');
`;
}
