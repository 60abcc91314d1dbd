import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { watch } from 'node:fs/promises';
import { asVmnetError, EXIT, type ExitName, formatError } from '../core/errors.ts';
import { type LibvirtDomain, readLibvirtDomain } from '../core/source/libvirt-domain.ts';
import {
  type LibvirtCall,
  parseNetworkHookArguments,
  parseQemuHookArguments,
} from '../core/source/libvirt-hook.ts';
import { isArriving, servedNics } from '../core/source/libvirt-served.ts';
import type { Context } from '../run/ports.ts';
import { DEFAULT_CONFIG, DEFAULT_STATE_DIR } from './defaults.ts';
import { failed } from './hook.ts';
import { LIBVIRT_STATUS_DIR, runningDomain } from './libvirt-nics.ts';

/** A migration that takes longer has failed. */
const ARRIVAL_TIMEOUT_MS = 24 * 3600 * 1000;

/** Runs the hook `qemu`, for the domain on standard input. Says nothing on standard output: libvirt takes it for XML. */
export function runQemuHook(args: readonly string[]): void {
  runLibvirtHook(() => parseQemuHookArguments(args), domainWork);
}

/** Runs the hook `network`. */
export function runNetworkHook(args: readonly string[]): void {
  runLibvirtHook(
    () => parseNetworkHookArguments(args),
    async (context, { action }) => (action === 'collect' ? collect(context) : undefined),
  );
}

type Work = (context: Context, call: LibvirtCall, stdin: string) => Promise<void>;

function runLibvirtHook(parse: () => LibvirtCall, work: Work): void {
  void carryOut(parse, work)
    .catch(thrown => failed(thrown))
    .then(exit => process.exit(EXIT[exit]));
}

async function carryOut(parse: () => LibvirtCall, work: Work): Promise<ExitName> {
  const call = parse();
  // Read to its end in any case: libvirt minds when nobody takes what it writes.
  const stdin = call.action === 'wait' ? '' : readFileSync(0, 'utf8');
  if (call.action === 'nothing') return 'ok';
  const { VMNET_CONFIG, VMNET_STATE_DIR } = process.env;
  const globals = { config: VMNET_CONFIG ?? DEFAULT_CONFIG, stateDir: VMNET_STATE_DIR ?? DEFAULT_STATE_DIR };
  const { withContext } = await import('./context.ts');
  const exit = await withContext({ ...globals, logLevel: 'warn' }, async context => {
    await work(context, call, stdin);
    return 'ok';
  });
  // Of a domain that libvirt has found running again, a failure would be the end.
  return call.onFailure === 'refused' ? exit : 'ok';
}

const domainWork: Work = async (context, call, stdin) => {
  if (call.action === 'collect') return collect(context);
  if (call.action === 'wait') return awaitArrival(context, call.object);
  const domain = readLibvirtDomain('the domain on standard input', stdin);
  if (call.action === 'admit') return admitDomain(context, domain);
  const { attachInstance, detachInstance } = await import('../run/instance.ts');
  if (call.action === 'down') {
    const taps = domain.nics.flatMap(({ ifname }) => ifname ?? []);
    return detachInstance(context, domain.instance, taps);
  }
  const arriving = call.action === 'up' && isArriving(runningDomain(call.object) ?? domain);
  const requests = servedNics(domain, context.config).flatMap(({ ifname, request }) =>
    ifname === undefined ? [] : [{ ifname, ...request }],
  );
  const isRouted = ({ mode }: { mode: string }): boolean => mode === 'routed';
  if (!arriving || !requests.some(isRouted)) return attachInstance(context, requests);
  await attachInstance(
    context,
    requests.map(request => (isRouted(request) ? { ...request, phase: 'arriving' } : request)),
  );
  startWaiting(call.object);
};

async function admitDomain(context: Context, domain: LibvirtDomain): Promise<void> {
  const { admit } = await import('../run/admit.ts');
  await admit(
    context,
    servedNics(domain, context.config).map(({ where, request }) => ({ name: where, request })),
  );
}

async function collect(context: Context): Promise<void> {
  const { gc } = await import('../run/gc.ts');
  await gc(context, { dryRun: false });
}

/** In a session of its own and without the caller's pipes, which libvirt reads to their end. */
function startWaiting(name: string): void {
  const [, hook = ''] = process.argv;
  spawn(hook, [name, 'arrived', 'begin', '-'], { detached: true, stdio: 'ignore', cwd: '/' }).unref();
}

/** Until the guest runs here, which only the file of its state tells; when it is gone, so is the guest. */
async function awaitArrival(context: Context, name: string): Promise<void> {
  const signal = AbortSignal.timeout(ARRIVAL_TIMEOUT_MS);
  try {
    const changes = watch(LIBVIRT_STATUS_DIR, { signal })[Symbol.asyncIterator]();
    for (let domain = runningDomain(name); domain !== undefined; domain = runningDomain(name)) {
      if (!isArriving(domain)) {
        const { arrive } = await import('../run/arrive.ts');
        return await arrive(context, domain.instance);
      }
      await changes.next();
    }
  } catch (thrown) {
    context.report('error', formatError(asVmnetError(thrown)));
  }
}
