// Logs: `log.ts JSON`, JSON being { options, entries }; options.times repeats the entries.
// Prints { winston }: whether winston was loaded.
import { createRequire } from 'node:module';
import { createLog } from '../../../lib/host/log.ts';

const { options, entries } = JSON.parse(process.argv[2] ?? '');
const log = createLog(options);
for (let i = 0; i < (options.times ?? 1); i += 1) for (const entry of entries) log.write(entry);
await log.close();
const loaded = Object.keys(createRequire(import.meta.url).cache).some(path =>
  path.includes('/node_modules/winston/'),
);
console.log(JSON.stringify({ winston: loaded }));
