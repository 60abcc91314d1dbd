// Test files as the lab runs them: one file each. Under emulation, Node takes half a minute to strip the types of a
// program of a hundred modules, and seconds to find a package in a shared directory.
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build, type Plugin } from 'esbuild';

/** Bundles the test files of these suites, and the program of scenarios, below `directory`: `SUITE/NAME.test.mjs`. */
export async function bundleTests(root: string, suites: readonly string[], directory: string): Promise<void> {
  rmSync(directory, { recursive: true, force: true });
  const test = join(root, 'test');
  await build({
    entryPoints: [
      ...suites.flatMap(suite =>
        readdirSync(join(test, suite))
          .filter(name => name.endsWith('.test.ts'))
          .map(name => join(test, suite, name)),
      ),
      join(test, 'support/programs/scenarios.ts'),
    ],
    outbase: test,
    outdir: directory,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    logLevel: 'error',
    // What is CommonJS among the packages asks for it.
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
    plugins: [inPlace],
  });
}

/** A module finds what is beside its source, wherever it is run. */
const inPlace: Plugin = {
  name: 'in place',
  setup: ({ onLoad }) => {
    onLoad({ filter: /\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replaceAll('import.meta.dirname', JSON.stringify(dirname(path))),
      loader: 'ts',
    }));
  },
};
