import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { EXIT } from '../core/errors.ts';
import { DEFAULT_CONFIG, DEFAULT_STATE_DIR } from '../host/defaults.ts';
import type { LogEntry } from '../host/log.ts';
import { addAnnounce } from './announce.ts';
import { addAttach } from './attach.ts';
import { addCheck } from './check.ts';
import { addConfigCheck } from './config-check.ts';
import { addConfirm } from './confirm.ts';
import type { GlobalArgv } from './context.ts';
import { addDetach } from './detach.ts';
import { addGc } from './gc.ts';
import { addHost } from './host.ts';
import { addList } from './list.ts';
import { addRepair } from './repair.ts';
import { addShow } from './show.ts';
import { VERSION } from './version.ts';
import { addVrf } from './vrf/vrf.ts';
import { splitWords } from './vrf/words.ts';
import { addWatch } from './watch.ts';

const LEVELS: readonly LogEntry['level'][] = ['error', 'warn', 'info', 'debug'];

function usageError(message: string | undefined, error: Error | undefined): never {
  if (error !== undefined && message === undefined) throw error;
  process.stderr.write(`vmnet: ${(message ?? '').replaceAll('\n', ' ')}; vmnet --help lists the commands\n`);
  process.exit(EXIT.usage);
}

const { own, command } = splitWords(hideBin(process.argv));

const commandLine: GlobalArgv = yargs(own)
  .scriptName('vmnet')
  .usage('$0 <command>\n\nConnects the taps of virtual machines to the networks of this host.')
  .option('config', {
    type: 'string',
    requiresArg: true,
    default: process.env.VMNET_CONFIG ?? DEFAULT_CONFIG,
    defaultDescription: `$VMNET_CONFIG or ${DEFAULT_CONFIG}`,
    describe: 'The configuration',
  })
  .option('state-dir', {
    type: 'string',
    requiresArg: true,
    default: process.env.VMNET_STATE_DIR ?? DEFAULT_STATE_DIR,
    defaultDescription: `$VMNET_STATE_DIR or ${DEFAULT_STATE_DIR}`,
    describe: 'Where records and locks are',
  })
  .option('log-level', {
    choices: LEVELS,
    default: 'info' as LogEntry['level'],
    describe: 'What goes to stderr',
  });

for (const add of [
  addAttach,
  addDetach,
  addCheck,
  addRepair,
  addList,
  addShow,
  addAnnounce,
  addGc,
  addHost,
  addConfigCheck,
  addWatch,
  addConfirm,
  addVrf(command),
]) {
  add(commandLine);
}

void commandLine
  .completion('completion', 'Print a completion script for bash')
  .demandCommand(1, 'no command is given')
  .strict()
  .fail(usageError)
  .version(VERSION)
  .help()
  .wrap(110)
  .parseAsync();
