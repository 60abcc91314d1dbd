import { basename } from 'node:path';
import { formatError, VmnetError } from '../core/errors.ts';
import { dropInPath, leadsOut, namesVrf } from '../core/source/networkd-conf.ts';
import type { Reporter } from '../run/ports.ts';
import type { Meant } from './networkd.ts';
import { dropInsOf, isHere, linkState, networkFile, read } from './networkd-state.ts';

/**
 * With scope `lan` there is no router in a VRF, but those of a port's own files would be: networkd puts them there at each
 * start, and no drop-in takes them out. A port that it has in the VRF already is not a reason to stop: this may be the boot.
 */
export function refuseRouters(report: Reporter, meant: readonly Meant[]): void {
  if (!isHere()) return;
  for (const { name, ports } of meant.filter(({ scope }) => scope === 'lan')) {
    for (const port of ports) {
      const file = routerOf(port);
      if (file === undefined) continue;
      const error = new VmnetError(
        'config',
        `${file} gives ${port} a router, and with scope = lan VRF ${name} has none`,
        {
          hint: 'take its Gateway= out, which systemd-networkd would put into the VRF at each start',
        },
      );
      if (!isTold(port)) throw error;
      report('warn', formatError(error));
    }
  }
}

/** The file with a router for the port: its own, or a drop-in of that. */
function routerOf(port: string): string | undefined {
  const file = networkFile(linkState(port));
  if (file === undefined) return undefined;
  return [file, ...dropInsOf(`network/${basename(file)}`)].find(path => leadsOut(read(path)));
}

/** Whether vmnet has told networkd of the VRF of a port: then it is no news to it. */
function isTold(port: string): boolean {
  const file = networkFile(linkState(port));
  return file !== undefined && namesVrf(read(dropInPath(file)));
}
