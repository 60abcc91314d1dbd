import { asVmnetError, EXIT, type ExitName, formatError } from '../../core/errors.ts';

/** Runs what needs no records and no locks, and for the most part no root; its exit code is what `work` returns. */
export async function onHere(work: () => Promise<ExitName>): Promise<void> {
  try {
    process.exitCode = EXIT[await work()];
  } catch (thrown) {
    const error = asVmnetError(thrown);
    process.stderr.write(`vmnet: ${formatError(error)}\n`);
    process.exitCode = EXIT[error.exit];
  }
}
