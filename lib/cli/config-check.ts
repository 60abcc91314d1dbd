import { asVmnetError, EXIT, formatError } from '../core/errors.ts';
import { loadConfig, loadRtTables } from '../host/files.ts';
import { type GlobalArgv, printLine } from './context.ts';

export function addConfigCheck(yargs: GlobalArgv): void {
  yargs.command(
    'config check',
    'Read the configuration and say what is wrong with it, with file and line',
    yargs => yargs.example('$0 config check', 'exit code 78 when there is an error'),
    argv => {
      try {
        const config = loadConfig(argv.config, loadRtTables());
        const names = config.networks.map(network => network.name);
        printLine(
          `${argv.config}: in order, ${names.length} networks${names.length === 0 ? '' : ` (${names.join(', ')})`}`,
        );
      } catch (thrown) {
        const error = asVmnetError(thrown);
        process.stderr.write(`vmnet: ${formatError(error)}\n`);
        process.exitCode = EXIT[error.exit];
      }
    },
  );
}
