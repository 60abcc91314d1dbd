import { VmnetError } from '../core/errors.ts';
import type { Config } from '../core/model/config.ts';
import type { Ifname } from '../core/model/ifname.ts';
import type { NicRequest } from '../core/model/request.ts';
import { combineRequests, type Found } from '../core/source/combine.ts';
import { GANETI_NIC_DIR } from '../core/source/ganeti-runtime.ts';
import { requestFromGaneti } from './ganeti-nics.ts';
import { LIBVIRT_STATUS_DIR, requestFromLibvirt } from './libvirt-nics.ts';
import { nicFileOf, requestFromNicFiles } from './nic-files.ts';

interface Source {
  readonly where: string;
  readonly find: () => NicRequest | undefined;
}

/** The NIC of which nothing is known but the tap: what its file says, and the hypervisors that run here. */
export function requestFromRunningVm(tap: Ifname, config: Config, configPath: string): NicRequest {
  const sources: readonly Source[] = [
    { where: nicFileOf(tap, configPath), find: () => requestFromNicFiles(tap, config, configPath) },
    { where: GANETI_NIC_DIR, find: () => requestFromGaneti(tap) },
    { where: LIBVIRT_STATUS_DIR, find: () => requestFromLibvirt(tap) },
  ];
  const [first, ...others] = sources.flatMap(({ where, find }): Found[] => {
    const request = find();
    return request === undefined ? [] : [{ where, request }];
  });
  if (first !== undefined) return combineRequests(first, others);
  throw new VmnetError('request', 'nothing tells which NIC this is', {
    where: tap,
    hint: `looked into ${sources.map(source => source.where).join(', ')}; give --network, --mac and --ip, or --mode and --link`,
  });
}
