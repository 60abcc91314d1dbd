// Takes a lock: `lock.ts DIR NAME MODE TIMEOUT_MS HOLD_MS`. Prints `held TIME`, keeps it for HOLD_MS (until it is
// killed or its input ends, when that is `stdin`) and prints `released TIME`, in ms of one clock; or prints the exit name and the message.
import { setTimeout } from 'node:timers/promises';
import { asVmnetError, formatError } from '../../../lib/core/errors.ts';
import { acquire, type LockMode } from '../../../lib/host/lock.ts';

const [dir = '', name = '', mode = '', timeout = '', hold = ''] = process.argv.slice(2);
try {
  const held = acquire(dir, name, mode as LockMode, Number(timeout));
  console.log(`held ${now()}`);
  if (hold === 'stdin') for await (const _ of process.stdin);
  else await setTimeout(Number(hold));
  const end = now();
  held.release();
  console.log(`released ${end}`);
} catch (thrown) {
  const error = asVmnetError(thrown);
  console.log(`${error.exit} ${formatError(error)}`);
}

/** Nanoseconds of the machine's monotonic clock, as milliseconds: the same in every process. */
function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
