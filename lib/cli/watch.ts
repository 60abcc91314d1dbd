import { watch } from '../host/watch.ts';
import { type GlobalArgv, onHost } from './context.ts';

export function addWatch(yargs: GlobalArgv): void {
  yargs.command(
    'watch',
    'Stay, and put right within a second what somebody else has undone',
    yargs => yargs.example('$0 watch', 'what vmnet-watch.service runs'),
    argv =>
      onHost(argv, async context => {
        await watch(context, argv);
        return 'ok';
      }),
  );
}
