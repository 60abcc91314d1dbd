// What the host loses of its own links comes back, once it was brought up; what nobody has asked for does not.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { inside, ip, ipBatch, missingForNamespaces } from '../support/command.ts';
import { buildDatacentre, type Datacentre, type Node } from '../support/datacentre.ts';
import { answers, OUTSIDE, settled, succeeded } from './steps.ts';
import { startWatch, type Watching } from './watching.ts';

const skip = missingForNamespaces() ?? false;
const [OWN, OWN6] = ['192.0.2.201', '2001:db8:993::201'];
const LAN0 = `[bridge lan0]
ports = up0
addresses = ${OWN}/24 ${OWN6}/64
routes = 203.0.113.0/24 via 192.0.2.1, 2001:db8:ffff::/48 via 2001:db8:993::1
`;
const PUT_RIGHT = /put right/;

let datacentre: Datacentre;
let node: Node;
let watching: Watching;

before(async () => {
  if (skip !== false) return;
  datacentre = await buildDatacentre({ program: 'dist' });
  node = datacentre.node1;
  writeFileSync(node.configFile, LAN0);
  watching = await startWatch(node);
});
after(async () => {
  if (skip !== false) return;
  assert.equal(await watching.stop(), 0);
  datacentre.close();
});

const inOrder = async () => (await node.vmnet(['host', 'check'])).exitCode === 0;

async function comesBack(what: string): Promise<void> {
  for (const end = Date.now() + 3000; Date.now() < end; await sleep(50)) if (await inOrder()) return;
  assert.fail(`${what}: ${(await node.vmnet(['host', 'check'])).stdout}\n${watching.lines().join('\n')}`);
}

async function life(): Promise<string> {
  const files = ['lan0', 'up0'].flatMap(link =>
    ['ifindex', 'carrier_changes'].map(file => `/sys/class/net/${link}/${file}`),
  );
  return succeeded(await inside(node, ['cat', ...files]));
}

test('before host up, nothing is made', { skip }, async () => {
  await ipBatch(node, ['link set up0 down', 'link set up0 up']);
  await sleep(1500);
  assert.equal(await inOrder(), false);
  assert.equal(watching.lines().filter(line => PUT_RIGHT.test(line)).length, 0);
  succeeded(await node.vmnet(['host', 'up']));
});

const LOSSES: readonly (readonly [what: string, lines: readonly string[]])[] = [
  ['a bridge that is set down and up', ['link set lan0 down', 'link set lan0 up']],
  ['a bridge that is set down', ['link set lan0 down']],
  ['a port that leaves', ['link set up0 nomaster']],
  ['a port that is set down', ['link set up0 down']],
  ['addresses that go', [`address del ${OWN}/24 dev lan0`, `address del ${OWN6}/64 dev lan0`]],
  ['routes that go', ['route del 203.0.113.0/24', 'route del 2001:db8:ffff::/48']],
  ['a bridge that goes', ['link del lan0']],
];

for (const [what, lines] of LOSSES) {
  test(`${what}: it is back`, { skip }, async () => {
    await ipBatch(node, lines);
    await comesBack(what);
    await settled(node);
    await answers(node, ...OUTSIDE);
  });
}

test('what stands is not touched, whatever happens beside it', { skip }, async () => {
  const was = await life();
  await ipBatch(node, ['address add 198.51.100.99/32 dev lan0', 'address del 198.51.100.99/32 dev lan0']);
  await ip(node, 'route', 'del', '203.0.113.0/24');
  await comesBack('a route');
  assert.equal(await life(), was);
});

test('who puts it back himself is not in anybody’s way', { skip }, async () => {
  await sleep(1000);
  const said = () => watching.lines().filter(line => PUT_RIGHT.test(line)).length;
  const was = said();
  await ip(node, 'address', 'del', `${OWN}/24`, 'dev', 'lan0');
  await sleep(120);
  // It would fail if the address were there already.
  await ipBatch(node, [
    `address add ${OWN}/24 dev lan0`,
    'route add 203.0.113.0/24 via 192.0.2.1 dev lan0 onlink proto 119',
  ]);
  await sleep(1200);
  assert.ok(await inOrder());
  assert.equal(said(), was);
});

test('another file is not the watch’s to carry out, nor what is to be confirmed', { skip }, async () => {
  const other = LAN0.replaceAll('203.0.113.0/24', '203.0.114.0/24');
  writeFileSync(node.configFile, other);
  await ipBatch(node, ['link set up1 down', 'link set up1 up', 'link set lan0 down', 'link set lan0 up']);
  await watching.until(/asks for other links/);
  await sleep(1000);
  assert.equal((await ip(node, 'route', 'show', '203.0.114.0/24')).trim(), '');

  succeeded(await node.vmnet(['host', 'up', '--confirm', '3']));
  await sleep(5000);
  assert.equal((await ip(node, 'route', 'show', '203.0.114.0/24')).trim(), '', 'undone, and left so');
  succeeded(await node.vmnet(['confirm', '--force']));
  succeeded(await node.vmnet(['host', 'up']));
  await ip(node, 'route', 'del', '203.0.114.0/24');
  await comesBack('a route of the new file');
});

test('after host down, nothing comes back', { skip }, async () => {
  succeeded(await node.vmnet(['host', 'down']));
  await ipBatch(node, ['link set up0 down', 'link set up0 up']);
  await sleep(1500);
  assert.equal((await inside(node, ['ip', 'link', 'show', 'lan0'])).exitCode, 1);
});
