// An Open vSwitch of its own for one network namespace: its database, its daemon, and a bridge for each name.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa, execaSync } from 'execa';
import { argvInside, PATH, type Place } from './command.ts';

export interface Switch {
  /** What vmnet and the tools of Open vSwitch find it by. */
  readonly env: { readonly OVS_RUNDIR: string };
  /** In the kernel, or in the daemon where the kernel has no module: then frames pass no chain of a tap on their way in. */
  readonly datapath: 'system' | 'netdev';
  vsctl(...args: readonly string[]): Promise<string>;
  close(): Promise<void>;
}

const SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';

export function missingForSwitch(): string | undefined {
  const missing = ['ovs-vswitchd', 'ovsdb-server', 'ovsdb-tool'].find(
    name => !PATH.split(':').some(dir => existsSync(join(dir, name))),
  );
  return missing === undefined && existsSync(SCHEMA) ? undefined : `no ${missing ?? SCHEMA}`;
}

/** Started in `place`, or where this process is; it ends with `close`. */
export async function startSwitch(bridges: readonly string[], place?: Place): Promise<Switch> {
  const dir = mkdtempSync(join(tmpdir(), 'vmt-ovs-'));
  const own = { OVS_RUNDIR: dir, OVS_LOGDIR: dir, OVS_DBDIR: dir, OVS_SYSCONFDIR: dir };
  const env = { PATH, ...own };
  const children: ChildProcess[] = [];
  const close = async (): Promise<void> => {
    for (const child of children.reverse()) await end(child);
    rmSync(dir, { recursive: true, force: true });
  };
  const run = (argv: readonly string[]): void => {
    const [file = '', ...args] = place === undefined ? argv : argvInside(place, argv);
    children.push(spawn(file, args, { env, stdio: 'ignore', cwd: dir }));
  };
  const vsctl = async (...args: readonly string[]): Promise<string> =>
    (await execa('ovs-vsctl', ['--timeout=10', ...args], { env, stdin: 'ignore' })).stdout;
  try {
    await execa('ovsdb-tool', ['create', join(dir, 'conf.db'), SCHEMA], { env });
    run(['ovsdb-server', join(dir, 'conf.db'), `--remote=punix:${dir}/db.sock`, '--unixctl=db.ctl']);
    for (let i = 0; i < 200 && !existsSync(join(dir, 'db.sock')); i += 1) await sleep(50);
    await vsctl('--no-wait', 'init');
    run(['ovs-vswitchd', `unix:${dir}/db.sock`, '--unixctl=vs.ctl']);
    const datapath = hasSwitchModule() ? 'system' : 'netdev';
    for (const [i, name] of bridges.entries()) {
      const mac = `other-config:hwaddr="52:54:00:00:01:0${i}"`;
      await vsctl('add-br', name, '--', 'set', 'Bridge', name, `datapath_type=${datapath}`, mac);
    }
    return { env: { OVS_RUNDIR: dir }, datapath, vsctl, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Whether this kernel has the datapath, now that it was asked to load it. */
export function hasSwitchModule(): boolean {
  execaSync('modprobe', ['openvswitch'], { env: { PATH }, reject: false, stdin: 'ignore' });
  return readdirSync('/sys/module').includes('openvswitch');
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise(resolve => child.once('exit', resolve));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 3000);
  await ended;
  clearTimeout(timer);
}
