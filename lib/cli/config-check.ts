import { checkFirewall } from '../core/desired/policy.ts';
import { asVmnetError, EXIT, formatError } from '../core/errors.ts';
import { hostLinks } from '../core/model/host-links.ts';
import { checkProfiles } from '../host/check-profiles.ts';
import { loadConfig, loadRtTables } from '../host/files.ts';
import { checkNicFiles } from '../host/nic-files.ts';
import { type GlobalArgv, printLine } from './context.ts';

export function addConfigCheck(yargs: GlobalArgv): void {
  yargs.command(
    'config check',
    'Read the configuration and say what is wrong with it, with file and line',
    yargs => yargs.example('$0 config check', 'exit code 78 when there is an error'),
    async argv => {
      try {
        const config = loadConfig(argv.config, loadRtTables());
        const { profiles } = config.settings;
        for (const section of config.networks) checkFirewall(section, profiles);
        if (process.geteuid?.() === 0) await checkProfiles(profiles);
        else for (const { broken } of profiles) if (broken !== undefined) throw broken;
        const taps = checkNicFiles(config, argv.config);
        printLine(`${argv.config}: in order`);
        printNames('networks', config.networks);
        printNames(
          'links of the host',
          hostLinks(config).map(({ section }) => section),
        );
        printNames('firewall profiles', profiles);
        printNames(
          'NICs in nics.d',
          taps.map(name => ({ name })),
        );
      } catch (thrown) {
        const error = asVmnetError(thrown);
        process.stderr.write(`vmnet: ${formatError(error)}\n`);
        process.exitCode = EXIT[error.exit];
      }
    },
  );
}

function printNames(what: string, named: readonly { readonly name: string }[]): void {
  if (named.length > 0) printLine(`${what}: ${named.map(({ name }) => name).join(', ')}`);
}
