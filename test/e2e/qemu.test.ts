// QEMU itself, with script= and downscript=, its guest stopped before the first instruction. It is ended by its monitor,
// and at the latest with the data centre.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { isClean, recordsOf, succeeded } from '../netns/steps.ts';
import { argvInside, inside, ip, isInstalled, missingForNamespaces, PATH } from '../support/command.ts';
import { buildDatacentre, type Datacentre, type Node } from '../support/datacentre.ts';
import { stateOf } from '../support/state.ts';

const QEMU = 'qemu-system-x86_64';
const skip =
  missingForNamespaces() ?? (isInstalled(QEMU) ? false : `needs ${QEMU} installed; make setup does that`);
const HOOKS = join(import.meta.dirname, '../../dist/hooks');
const WAIT_MS = 20_000;
const NETDEV = `script=${HOOKS}/qemu-ifup,downscript=${HOOKS}/qemu-ifdown`;
let datacentre: Datacentre;
let node: Node;
let stateBefore: unknown;

before(async () => {
  if (skip !== false) return;
  datacentre = await buildDatacentre({ program: 'dist' });
  node = datacentre.node1;
  nicFile('tap0', 'aa:00:00:35:6d:01', '192.0.2.10');
  nicFile('tap1', 'aa:00:00:35:6d:02', '192.0.2.11');
});
beforeEach(async () => {
  if (skip === false) stateBefore = await stateOf(node);
});
after(() => datacentre?.close());

function nicFile(tap: string, mac: string, address: string): void {
  const directory = join(dirname(node.configFile), 'nics.d');
  mkdirSync(directory, { recursive: true });
  writeFileSync(
    join(directory, `${tap}.ini`),
    `[nic]\nnetwork = public\nmac = ${mac}\nip = ${address}\ninstance = ${tap}\n`,
  );
}

interface Qemu {
  readonly child: ChildProcess;
  /** Both of its outputs so far. */
  readonly said: () => string;
  /** Gives the monitor a command and waits for its next prompt. */
  readonly command: (line: string) => Promise<void>;
  /** Its exit code, when it and all who had its pipes have ended. */
  readonly ended: Promise<number | null>;
}

/** `-S`: the guest's processors never run. */
function startQemu(tap: string): Qemu {
  const [file = '', ...args] = argvInside(node, [
    ...[QEMU, '-accel', 'tcg', '-S', '-m', '32', '-nodefaults', '-display', 'none', '-monitor', 'stdio'],
    ...['-netdev', `tap,id=n0,ifname=${tap},${NETDEV}`, '-device', 'virtio-net-pci,netdev=n0,romfile='],
  ]);
  const child = spawn(file, args, {
    env: { PATH, VMNET_CONFIG: node.configFile, VMNET_STATE_DIR: node.stateDir },
    timeout: 2 * WAIT_MS,
    killSignal: 'SIGKILL',
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
  const prompts = () => text.split('(qemu) ').length - 1;
  return {
    child,
    said: () => text,
    command: async line => {
      await until(
        () => prompts() > 0,
        () => text,
      );
      const earlier = prompts();
      child.stdin.write(`${line}\n`);
      await until(
        () => prompts() > earlier,
        () => text,
      );
    },
    ended: once(child, 'close').then(([code]) => code),
  };
}

async function until(holds: () => boolean, said: () => string): Promise<void> {
  for (const start = Date.now(); !holds(); ) {
    if (Date.now() - start > WAIT_MS) assert.fail(`QEMU said: ${said()}`);
    await new Promise(resolve => setTimeout(resolve, 20));
  }
}

async function routesOf(tap: string): Promise<string> {
  return ip(node, 'route', 'show', 'table', '993', 'dev', tap);
}

async function isAsBefore(): Promise<void> {
  assert.deepEqual(await stateOf(node), stateBefore);
  assert.deepEqual(recordsOf(node), []);
}

test('a NIC is there before the guest runs, and nothing is left when QEMU quits', { skip }, async () => {
  const qemu = startQemu('tap0');
  await qemu.command('info network');
  assert.match(qemu.said(), /n0: index=0,type=tap,ifname=tap0/);
  assert.match(await routesOf('tap0'), /^192\.0\.2\.10 /m);
  await isClean(node);
  qemu.child.stdin?.write('quit\n');
  assert.equal(await qemu.ended, 0, qemu.said());
  assert.doesNotMatch(qemu.said(), /vmnet|failed/);
  await isAsBefore();
});

test('a NIC that comes and goes while the guest is there', { skip }, async () => {
  const qemu = startQemu('tap0');
  await qemu.command(`netdev_add tap,id=n1,ifname=tap1,${NETDEV}`);
  assert.match(await routesOf('tap1'), /^192\.0\.2\.11 /m);
  await isClean(node);
  await qemu.command('netdev_del n1');
  assert.deepEqual(recordsOf(node), ['tap0.json']);
  await isClean(node);
  await qemu.command(`netdev_add tap,id=n2,ifname=tap2,${NETDEV}`);
  assert.match(qemu.said(), /nics\.d\/tap2\.ini/);
  assert.deepEqual(recordsOf(node), ['tap0.json']);
  qemu.child.stdin?.write('quit\n');
  assert.equal(await qemu.ended, 0, qemu.said());
  await isAsBefore();
});

test('a NIC that nobody has written down keeps QEMU from starting', { skip }, async () => {
  const qemu = startQemu('tap2');
  assert.equal(await qemu.ended, 1, qemu.said());
  assert.match(qemu.said(), /nics\.d\/tap2\.ini/);
  assert.match(qemu.said(), /qemu-ifup failed/);
  await isAsBefore();
});

test('what a QEMU that is killed leaves is collected', { skip }, async () => {
  const qemu = startQemu('tap0');
  await qemu.command('info status');
  const pids = succeeded(await inside(node, ['ip', 'netns', 'pids', node.ns])).split('\n');
  assert.ok(pids.includes(String(qemu.child.pid)), pids.join(' '));
  qemu.child.kill('SIGKILL');
  await qemu.ended;
  assert.deepEqual(recordsOf(node), ['tap0.json']);
  succeeded(await node.vmnet(['gc']));
  await isAsBefore();
});
