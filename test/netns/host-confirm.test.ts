// vmnet host up and down with --confirm on a real kernel: what nobody confirms is taken back, exactly.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { undoing } from '../../lib/host/unconfirmed.ts';
import { argvInside, ip, missingForNamespaces, PATH } from '../support/command.ts';
import { buildDatacentre, type Datacentre, type Node } from '../support/datacentre.ts';
import { stateOf } from '../support/state.ts';
import { answers, OUTSIDE, settled, succeeded } from './steps.ts';

const skip = missingForNamespaces() ?? false;
const [OWN, OWN6] = ['192.0.2.201', '2001:db8:993::201'];
/** The connection comes in at the address that is to move. */
const OLD = `192.0.2.1 50000 ${OWN} 22`;
const NEW = `192.0.2.1 50001 ${OWN} 22`;
const MOVED = `[bridge lan0]
ports = up0
addresses = ${OWN}/24 ${OWN6}/64
routes = 203.0.113.0/24 via 192.0.2.1, 2001:db8:ffff::/48 via 2001:db8:993::1
`;
const LONG = '60';

let datacentre: Datacentre;
let node: Node;
let was: string;

before(async () => {
  if (skip !== false) return;
  datacentre = await buildDatacentre({ program: 'dist' });
  node = datacentre.node1;
  await ip(node, 'address', 'add', `${OWN}/24`, 'dev', 'up0');
  await ip(node, 'address', 'add', `${OWN6}/64`, 'dev', 'up0', 'nodad');
  await ip(node, 'route', 'add', '203.0.113.0/24', 'via', '192.0.2.1');
  await ip(node, '-6', 'route', 'add', '2001:db8:ffff::/48', 'via', '2001:db8:993::1');
});
after(() => datacentre?.close());
beforeEach(async () => {
  if (skip !== false) return;
  writeFileSync(node.configFile, MOVED);
  was = await state();
});

/** A gateway that vmnet puts back is `onlink`, as all of its own are. */
const state = async () => JSON.stringify(await stateOf(node), undefined, 1).replaceAll('\\"onlink\\"', '');

const vmnet = (connection: string, ...words: readonly string[]) =>
  node.vmnet([...words], { env: { SSH_CONNECTION: connection } });

const file = () => join(node.stateDir, 'lasting/unconfirmed.json');
const pending = () => (existsSync(file()) ? JSON.parse(readFileSync(file(), 'utf8')) : undefined);

async function until(what: string, holds: () => boolean): Promise<void> {
  for (const end = Date.now() + 15_000; !holds(); await sleep(20))
    if (Date.now() > end) assert.fail(`not in time: ${what}`);
}

/** Links take their time: duplicate address detection, a link-local address. */
async function isAsBefore(): Promise<void> {
  await until('undone', () => pending()?.state === 'undone');
  for (const end = Date.now() + 3000; Date.now() < end; await sleep(100)) if ((await state()) === was) break;
  assert.equal(await state(), was);
  assert.equal(existsSync(join(node.stateDir, 'host.json')), false);
  await works();
}

async function works(): Promise<void> {
  await settled(node);
  await answers(node, ...OUTSIDE);
}

test('unconfirmed, the address, the routes and the port are as they were', { skip }, async () => {
  assert.equal((await vmnet(OLD, 'host', 'up')).exitCode, 65, 'it would cut the connection');
  succeeded(await vmnet(OLD, 'host', 'up', '--confirm', '3'));
  assert.notEqual(await state(), was);
  // Meanwhile somebody spoils the file, and nothing else is begun.
  writeFileSync(node.configFile, '[bridge lan0\nports');
  assert.equal((await vmnet(OLD, 'confirm')).exitCode, 65, 'the old connection proves nothing');
  await isAsBefore();
  writeFileSync(node.configFile, MOVED);
  assert.equal((await vmnet(NEW, 'confirm')).exitCode, 65, 'too late');
});

test('confirmed, it stays; what changes nothing arms nothing; down is undone as well', { skip }, async () => {
  succeeded(await vmnet(OLD, 'host', 'up', '--confirm', '3'));
  const { pid } = pending();
  succeeded(await vmnet(NEW, 'confirm'));
  await until('the dead man is gone', () => !existsSync(`/proc/${pid}`));
  await settled(node);
  const now = await state();
  await sleep(3500);
  assert.equal(await state(), now);
  await works();
  succeeded(await vmnet(OLD, 'host', 'up', '--confirm', '3'));
  assert.equal(pending(), undefined);

  const record = readFileSync(join(node.stateDir, 'host.json'), 'utf8');
  succeeded(await vmnet(OLD, 'host', 'down', '--confirm', '2'));
  await until('undone', () => pending()?.state === 'undone');
  succeeded(await vmnet(NEW, 'host', 'check'));
  const { made, before: remembered } = JSON.parse(readFileSync(join(node.stateDir, 'host.json'), 'utf8'));
  assert.deepEqual({ made, remembered }, pick(record));
  await works();
  // Nobody is to confirm it, and it decides: the boot builds what the file says again.
  succeeded(await vmnet('', 'host', 'down'));
  assert.equal(pending(), undefined);
  assert.equal(await state(), was);
});

function pick(record: string) {
  const { made, before: remembered } = JSON.parse(record);
  return { made, remembered };
}

test('killed in the middle, it is undone all the same', { skip }, async () => {
  for (const wait of [0, 40, 90]) {
    const [program = '', ...args] = argvInside(node, [
      join(import.meta.dirname, '../../dist/vmnet.cjs'),
      ...['host', 'up', '--confirm', '2', '--log-level', 'debug'],
    ]);
    const env = {
      PATH,
      SSH_CONNECTION: OLD,
      VMNET_CONFIG: node.configFile,
      VMNET_STATE_DIR: node.stateDir,
    };
    const child = execa(program, args, { reject: false, env, timeout: 20_000 });
    await until('armed', () => pending()?.state === 'armed' && pending()?.pid !== undefined);
    await sleep(wait);
    const { author } = pending();
    try {
      process.kill(author, 'SIGKILL');
    } catch {
      // It was faster.
    }
    await child;
    await isAsBefore();
  }
});

test('one change at a time, and a number of seconds', { skip }, async () => {
  succeeded(await vmnet(OLD, 'host', 'up', '--confirm', LONG));
  writeFileSync(node.configFile, MOVED.replace('203.0.113.0', '203.0.114.0'));
  assert.equal((await vmnet('', 'host', 'up')).exitCode, 75);
  assert.equal((await vmnet('', 'host', 'up', '--confirm', LONG)).exitCode, 75);
  // Forgotten while it is being undone, it would be undone over what is made next.
  const held = undoing(node.stateDir, 0);
  for (const more of [[], ['--force']])
    assert.equal((await vmnet(NEW, 'confirm', ...more)).exitCode, 75, `${more}`);
  held.release();
  succeeded(await vmnet(OLD, 'confirm', '--undo'));
  await isAsBefore();
  for (const seconds of ['0', '-1', '1.5', 'soon', '86401'])
    assert.equal((await vmnet(OLD, 'host', 'up', `--confirm=${seconds}`)).exitCode, 64, seconds);
  assert.equal((await vmnet(OLD, 'host', 'restore', '/nonexistent')).exitCode, 74);
});
