// How the kernel in memory says no: with the errors that lib/host makes of what the tools print.
import { VmnetError } from '../../../lib/core/errors.ts';

export function refused(tool: string, line: string, why: string): VmnetError {
  return new VmnetError('kernel', `${tool} failed at ${JSON.stringify(line)}: ${why}`, {
    hint: 'what this run had changed is undone',
  });
}
