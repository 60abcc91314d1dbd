// Takes a lock: `lock.ts DIR NAME MODE TIMEOUT_MS HOLD_MS [ROUNDS]`. Prints `held TIME`, keeps it for HOLD_MS (until it
// is killed or its input ends, when that is `stdin`) and prints `released TIME`, in ms of one clock; or prints the exit
// name and the message. Between two rounds it pauses for 2 ms.
import { setTimeout } from 'node:timers/promises';
import { asVmnetError, formatError } from '../../../lib/core/errors.ts';
import { acquire, type LockMode } from '../../../lib/host/lock.ts';

const [dir = '', name = '', mode = '', timeout = '', hold = '', rounds = '1'] = process.argv.slice(2);
try {
  for (let round = 0; round < Number(rounds); round += 1) {
    const held = acquire(dir, name, mode as LockMode, Number(timeout));
    console.log(`held ${now()}`);
    if (hold === 'stdin') for await (const _ of process.stdin);
    else await setTimeout(Number(hold));
    const end = now();
    held.release();
    console.log(`released ${end}`);
    await setTimeout(2);
  }
} catch (thrown) {
  const error = asVmnetError(thrown);
  console.log(`${error.exit} ${formatError(error)}`);
}

/** The machine's monotonic clock, which is the same in every process. */
function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
