// A change that may cut its author off, for the tests of the dead man: attaches TAP and is over, or does not end.
//   node armed.ts CONFIG STATEDIR SECONDS TAP attach|fail|hang|unarmed

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { asVmnetError, EXIT, VmnetError } from '../../../lib/core/errors.ts';
import { armed, unarmed } from '../../../lib/host/dead-man.ts';
import { runVmnet } from '../../../lib/host/dead-man-process.ts';

const [config = '', stateDir = '', seconds = '', tap = '', how = ''] = process.argv.slice(2);
// The dead man runs the command line, whoever has armed him.
process.argv[1] = join(import.meta.dirname, '../../../dist/vmnet.cjs');
const globals = { config, stateDir, logLevel: 'info' } as const;
const report = (level: string, text: string) => console.error(`${level}: ${text}`);

try {
  if (how === 'unarmed') unarmed(globals, true);
  else
    await armed(
      report,
      globals,
      { seconds: Number(seconds), snapshot: 'as it was\n', rollback: () => ['detach', tap] },
      async () => {
        if (how === 'fail') throw new VmnetError('config', 'this cannot be');
        const words = ['--network', 'public', '--mac', 'aa:00:00:35:6d:0a', '--ip', '192.0.2.10'];
        if ((await runVmnet(globals, ['attach', tap, ...words])) !== 0)
          throw new VmnetError('kernel', 'not attached');
        console.log('changed');
        if (how === 'hang') await sleep(60_000);
      },
    );
} catch (thrown) {
  const error = asVmnetError(thrown);
  console.error(error.message);
  process.exitCode = EXIT[error.exit];
}
