import { asVmnetError, EXIT, type ExitName, VmnetError } from '../core/errors.ts';
import type { Config } from '../core/model/config.ts';
import type { Ifname } from '../core/model/ifname.ts';
import type { NicRequest } from '../core/model/request.ts';
import { combineRequests } from '../core/source/combine.ts';
import {
  parseXenCall,
  requestFromXen,
  type XenCall,
  xenLinkName,
  xenNicName,
} from '../core/source/xen-vif.ts';
import type { Context } from '../run/ports.ts';
import { DEFAULT_CONFIG } from './defaults.ts';
import { failed, type HookWork, runForTap } from './hook.ts';
import { linkExists, renameLink } from './rename.ts';
import { readVif, writeConnected, writeError } from './xenstore.ts';

interface Verbs {
  readonly attach: (context: Context, request: NicRequest) => Promise<unknown>;
  readonly detach: HookWork;
}

/** Runs a vif script of Xen's: what it has to say goes to xenstore as well as to stderr. */
export function runXenHook(args: readonly string[], env: NodeJS.ProcessEnv, verbs: Verbs): void {
  const isDown = args[0] === 'offline' || args[0] === 'remove';
  void carryOut(args, env, verbs)
    .catch(thrown => failed(thrown))
    .then(exit => process.exit(isDown ? EXIT.ok : EXIT[exit]));
}

async function carryOut(args: readonly string[], env: NodeJS.ProcessEnv, verbs: Verbs): Promise<ExitName> {
  const call = parseXenCall(args, env);
  if (call.operation === 'nothing') return 'ok';
  if (call.operation === 'up') return bringUp(call, verbs);
  const name = await nameOf(call);
  return runForTap('down', { text: name, where: call.path }, verbs.detach);
}

/**
 * A device that has its first name yet was never renamed, perhaps because another guest's has the name. On the way down
 * the NIC's directory may be gone before the script is called.
 */
async function nameOf(call: XenCall): Promise<Ifname> {
  if (linkExists(call.device)) return call.device;
  const keys = await readVif(call).then(
    found => found.keys,
    () => ({}),
  );
  return xenLinkName(call, keys);
}

async function bringUp(call: XenCall, verbs: Verbs): Promise<ExitName> {
  // That the reason cannot be written is no other reason.
  const tell = (error: VmnetError) => writeError(call, error).catch(() => undefined);
  try {
    const { keys, guest } = await readVif(call);
    const name = xenLinkName(call, keys);
    const work: HookWork = async context => {
      const told = requestFromXen(call, keys, guest ?? '');
      const request = await requestOf(told, call.path, xenNicName(call, keys), context.config);
      const isAgain = await nameLink(context, call, request);
      if (call.emulated && request.mode === 'routed') return context.report('warn', EMULATED);
      await verbs.attach(context, request);
      if (call.emulated) return;
      await writeConnected(call).catch(async thrown => {
        // Xen takes it for failed, and need not call for it to be taken away.
        if (!isAgain) await verbs.detach(context, name).catch(left => context.report('error', String(left)));
        throw thrown;
      });
    };
    return await runForTap('up', { text: name, where: call.path }, work, tell);
  } catch (thrown) {
    return failed(asVmnetError(thrown), tell);
  }
}

/**
 * Gives the device its name, and says whether it was attached by it before: Xen calls again after a restart of the
 * backend, when the device has its name already. Any other link of that name is somebody else's.
 */
async function nameLink(context: Context, { device, path }: XenCall, request: NicRequest): Promise<boolean> {
  const { readRecord } = await import('../run/attach.ts');
  const { isAlive } = await import('../run/living.ts');
  const { ifname: name, mac } = request;
  const isNew = linkExists(device);
  if (isNew) await renameLink(device, name);
  const record = readRecord(context, name);
  const isAgain = record !== undefined && isAlive(context, record) && record.request.mac === mac;
  if (isAgain || isNew || !linkExists(name)) return isAgain;
  throw new VmnetError('request', `${device} is not there, and ${name} is another link`, {
    where: `${path}/vifname`,
    hint: 'give another vifname, or remove that link',
  });
}

/** One address is routed to one link, and that is the one that the guest's own driver uses. */
const EMULATED = 'an emulated NIC of a routed guest stays down; the guest needs a driver for Xen';

/**
 * The file of the NIC says the mode and the link where there is one: libxl puts `bridge` to xenbr0 when the guest's
 * configuration has none, and of a routed NIC's network Xen knows nothing.
 */
async function requestOf(told: NicRequest, toldBy: string, nic: Ifname, config: Config): Promise<NicRequest> {
  const { nicFileOf, requestFromNicFiles } = await import('./nic-files.ts');
  const { VMNET_CONFIG = DEFAULT_CONFIG } = process.env;
  const path = nicFileOf(nic, VMNET_CONFIG);
  const written = requestFromNicFiles(nic, config, VMNET_CONFIG);
  if (written !== undefined) {
    const { link: _, ...rest } = told;
    const file = { where: path, request: { ...written, ifname: told.ifname } };
    return combineRequests(file, [{ where: toldBy, request: { ...rest, mode: written.mode } }]);
  }
  if (told.mode === 'bridged') return told;
  throw new VmnetError('request', 'xenstore has no bridge for the NIC, and there is no such file', {
    where: path,
    hint: 'write [nic] into it, and under that network =',
  });
}
