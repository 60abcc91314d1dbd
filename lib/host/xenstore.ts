import { formatError, VmnetError } from '../core/errors.ts';
import { XEN_VIF_KEYS, type XenCall, type XenVifKeys, xenNamePath } from '../core/source/xen-vif.ts';
import { start, type Tool } from './exec.ts';

/** A daemon that does not answer must not hold up Xen for ever. */
const TIMEOUT_MS = 10_000;
/** xenstored takes messages of 4096 bytes, path included. */
const ERROR_MAX = 1000;

/** What xenstore has on a NIC, and the guest's name. One process a key: the tool stops at the first that is missing. */
export async function readVif(
  call: XenCall,
): Promise<{ readonly keys: XenVifKeys; readonly guest: string | undefined }> {
  const [guest, ...values] = await Promise.all([
    readKey(xenNamePath(call)),
    ...XEN_VIF_KEYS.map(key => readKey(`${call.path}/${key}`)),
  ]);
  const known = XEN_VIF_KEYS.flatMap((key, i) => {
    const value = values[i];
    return value === undefined ? [] : [[key, value] as const];
  });
  return { keys: Object.fromEntries(known), guest };
}

/** Xen waits for this before it connects the guest's end. */
export async function writeConnected({ path }: XenCall): Promise<void> {
  await write(`${path}/hotplug-status`, 'connected');
}

/** What `xl create` shows; the reason first, since Xen looks at the status alone. */
export async function writeError({ path }: XenCall, error: VmnetError): Promise<void> {
  const reason = `vmnet: ${formatError(error)}`.slice(0, ERROR_MAX);
  await write(`${path}/hotplug-error`, reason, `${path}/hotplug-status`, 'error');
}

async function readKey(path: string): Promise<string | undefined> {
  const { code, stdout, stderr } = await start('xenstore-read', [path]).finish('', TIMEOUT_MS);
  if (code === 0) return stdout.replace(/\n$/, '');
  if (stderr.includes("couldn't read path")) return undefined;
  throw refused('xenstore-read', path, stderr);
}

async function write(...pairs: readonly string[]): Promise<void> {
  const { code, stderr } = await start('xenstore-write', pairs).finish('', TIMEOUT_MS);
  if (code !== 0) throw refused('xenstore-write', pairs[0] ?? '', stderr);
}

function refused(tool: Tool, path: string, stderr: string): VmnetError {
  return new VmnetError('kernel', `${tool} failed: ${stderr.trim() || 'it does not say why'}`, {
    where: path,
    hint: 'is xenstored running, and is this the control domain?',
  });
}
