// A change that is not confirmed is undone, whatever becomes of who made it.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { argvInside, missingForNamespaces, PATH } from '../support/command.ts';
import { buildDatacentre, type Node } from '../support/datacentre.ts';
import { makeTap } from '../support/vm.ts';
import { recordsOf, succeeded } from './steps.ts';

const skip = missingForNamespaces() ?? false;
const PROGRAM = join(import.meta.dirname, '../support/programs/armed.ts');
const OLD = '198.51.100.7 50000 198.51.100.1 22';
const NEW = '198.51.100.7 50001 198.51.100.1 22';
/** Enough for what a test does before it is over. */
const LONG = 30;

async function onNode(work: (node: Node) => Promise<void>): Promise<void> {
  const datacentre = await buildDatacentre({ program: 'dist' });
  try {
    await makeTap(datacentre.node1, 'tap0');
    await work(datacentre.node1);
  } finally {
    datacentre.close();
  }
}

/** Starts the change in a session of its own, as if over an SSH connection; it is made when this returns. */
async function change(node: Node, seconds: number, how: 'attach' | 'hang') {
  const child = begin(node, seconds, how);
  for (let text = ''; !text.includes('changed'); ) {
    const [chunk] = await Promise.race([
      new Promise<Buffer[]>(resolve => child.stdout.once('data', (data: Buffer) => resolve([data]))),
      child.then(({ stderr }) => assert.fail(`it ended: ${stderr}`)),
    ]);
    text += chunk;
  }
  if (how === 'attach') await child;
  // Not the child itself, whose end whoever awaits this would await.
  return { pid: child.pid ?? 0, ended: () => child };
}

function begin(node: Node, seconds: number, how: string) {
  const words = [PROGRAM, node.configFile, node.stateDir, String(seconds), 'tap0', how];
  const [file = '', ...args] = argvInside(node, [process.execPath, ...words]);
  const env = { PATH, SSH_CONNECTION: OLD };
  // The fourth descriptor is one that a caller has open for itself.
  return execa(file, args, {
    reject: false,
    env,
    detached: true,
    cleanup: false,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    timeout: 60_000,
  });
}

const confirm = (node: Node, connection: string, ...words: readonly string[]) =>
  node.vmnet(['confirm', ...words], { env: { SSH_CONNECTION: connection } });

function pendingOf(node: Node) {
  const file = join(node.stateDir, 'lasting/unconfirmed.json');
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
}

async function until(what: string, holds: () => boolean, ms = 10_000): Promise<void> {
  for (const end = Date.now() + ms; !holds(); await sleep(20))
    if (Date.now() > end) assert.fail(`not in time: ${what}`);
}

const isAttached = (node: Node) => recordsOf(node).includes('tap0.json');

test('unconfirmed, it is undone, though its session was hung up and killed', { skip }, async () => {
  await onNode(async node => {
    const child = await change(node, 4, 'hang');
    assert.ok(isAttached(node));
    const { pid } = pendingOf(node);
    await until('it is vmnet', () => readlinkSync(`/proc/${pid}/exe`) === process.execPath);
    // Nothing of the caller's: no descriptor, no session, no directory.
    const inodes = readdirSync(`/proc/${child.pid}/fd`).map(fd => linkOf(`/proc/${child.pid}/fd/${fd}`));
    const held = readdirSync(`/proc/${pid}/fd`).map(fd => linkOf(`/proc/${pid}/fd/${fd}`));
    const pipes = held.filter(link => /^(pipe|socket):/.test(link));
    assert.deepEqual(
      pipes.filter(link => inodes.includes(link)),
      [],
    );
    assert.equal(readlinkSync(`/proc/${pid}/cwd`), '/');
    assert.equal(statOf(pid)[3], String(pid));
    for (const signal of ['SIGHUP', 'SIGKILL'] as const) process.kill(-child.pid, signal);
    await child.ended();
    assert.ok(isAttached(node));
    await until('undone', () => pendingOf(node)?.state === 'undone');
    assert.equal(isAttached(node), false);
    assert.equal((await confirm(node, NEW)).exitCode, 65);
    // It may be tried again.
    await change(node, LONG, 'attach');
    succeeded(await confirm(node, NEW));
  });
});

test('who hangs in the middle of the change is ended before it is undone', { skip }, async () => {
  await onNode(async node => {
    const child = await change(node, 3, 'hang');
    const { author } = pendingOf(node);
    await until('undone', () => pendingOf(node)?.state === 'undone');
    assert.equal(existsSync(`/proc/${author}`), false);
    assert.equal(isAttached(node), false);
    await child.ended();
    assert.equal((await begin(node, LONG, 'unarmed')).exitCode, 0);
    assert.equal(pendingOf(node), undefined);
  });
});

test('confirmed from a new connection it stays; the old one proves nothing', { skip }, async () => {
  await onNode(async node => {
    assert.equal((await confirm(node, NEW)).exitCode, 65);
    await change(node, 4, 'attach');
    const { pid } = pendingOf(node);
    assert.equal((await confirm(node, OLD)).exitCode, 65);
    succeeded(await confirm(node, NEW));
    assert.equal(pendingOf(node), undefined);
    await until('the dead man is gone', () => !existsSync(`/proc/${pid}`));
    await sleep(4500);
    assert.ok(isAttached(node));
  });
});

test('another connection that was there before the change proves nothing, but may force it', {
  skip,
}, async () => {
  await onNode(async node => {
    const words = ['sh', '-c', 'while [ ! -e "$0" ]; do sleep 0.05; done; "$@"', join(node.stateDir, 'go')];
    const early = (...more: readonly string[]) => {
      const vmnet = [join(import.meta.dirname, '../../dist/vmnet.cjs'), 'confirm', ...more];
      const [file = '', ...args] = argvInside(node, [...words, ...vmnet]);
      const env = {
        PATH,
        SSH_CONNECTION: NEW,
        VMNET_CONFIG: node.configFile,
        VMNET_STATE_DIR: node.stateDir,
      };
      return execa(file, args, { reject: false, env, timeout: 20_000 });
    };
    const waiting = early();
    await sleep(200);
    await change(node, LONG, 'attach');
    writeFileSync(join(node.stateDir, 'go'), '');
    assert.equal((await waiting).exitCode, 65);
    assert.equal((await confirm(node, OLD, '--force')).exitCode, 0);
    assert.ok(isAttached(node));
  });
});

test('one at a time; taken back on demand; a change that fails by itself is not waited for', {
  skip,
}, async () => {
  await onNode(async node => {
    await change(node, LONG, 'attach');
    const second = await begin(node, LONG, 'attach');
    assert.equal(second.exitCode, 75);
    assert.equal((await begin(node, LONG, 'unarmed')).exitCode, 75);
    const { pid } = pendingOf(node);
    succeeded(await confirm(node, OLD, '--undo'));
    assert.equal(isAttached(node), false);
    await until('the dead man is gone', () => !existsSync(`/proc/${pid}`));
    assert.equal((await begin(node, LONG, 'fail')).exitCode, 78);
    assert.equal(pendingOf(node), undefined);
    assert.equal((await confirm(node, NEW, '--undo', '--force')).exitCode, 64);
  });
});

test('a boot undoes what was not confirmed before it, each time until somebody decides', {
  skip,
}, async () => {
  await onNode(async node => {
    succeeded(await confirm(node, NEW, '--at-boot'));
    await change(node, LONG, 'attach');
    assert.equal((await confirm(node, NEW, '--at-boot')).exitCode, 75);
    assert.ok(isAttached(node), 'this boot can still confirm it');
    const pending = pendingOf(node);
    process.kill(pending.pid, 'SIGKILL');
    const file = join(node.stateDir, 'lasting/unconfirmed.json');
    mkdirSync(join(node.stateDir, 'lasting'), { recursive: true });
    writeFileSync(file, JSON.stringify({ ...pending, boot: 'a08a5c48-0000-0000-0000-000000000000' }));
    for (const round of [1, 2]) {
      assert.equal((await confirm(node, NEW, '--at-boot')).exitCode, 75, `boot ${round}`);
      assert.equal(isAttached(node), false);
    }
    succeeded(await confirm(node, NEW, '--force'));
    succeeded(await confirm(node, NEW, '--at-boot'));
    writeFileSync(file, '{"version":2}');
    assert.equal((await confirm(node, NEW)).exitCode, 74);
    succeeded(await confirm(node, NEW, '--at-boot'));
  });
});

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

/** From the third field of /proc/PID/stat on: state, parent, group, session. */
function statOf(pid: number): readonly string[] {
  return readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
}
