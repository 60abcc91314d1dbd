// Firewall profiles with real connections: what may be sent to a guest, and what it may begin itself.
import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { buildDatacentre, type Datacentre, type Node, publicNetwork } from '../support/datacentre.ts';
import { testOnce } from '../support/domain.ts';
import { stateOf } from '../support/state.ts';
import { routedNic, startVm, type Vm } from '../support/vm.ts';
import { ALL, is, NOTHING, PROFILES_AND_WHAT } from './profiles.ts';
import { fileOf, listen, missingFor } from './programs.ts';
import { type Reach, reach } from './reach.ts';
import { attach, attachArgs, ganetiEnv, isClean, isSilent, OUTSIDE, recordsOf, succeeded } from './steps.ts';

const skip = missingFor('socat');
const WHITELIST = 'whitelist = 203.0.113.0/24 2001:db8:ffff::/48';
const PROFILES = join(import.meta.dirname, '../../etc/firewall.d');
let datacentre: Datacentre;
let node: Node;
let vm: Vm;
let other: Vm;
let empty: string;

before(async () => {
  if (skip !== false) return;
  const lan = ['[network lan]', 'mode = bridged', 'link = br0', WHITELIST];
  const config = `${publicNetwork('up0', WHITELIST)}${lan.join('\n')}\n`;
  datacentre = await buildDatacentre({ program: 'dist', config });
  node = datacentre.node1;
  cpSync(PROFILES, join(dirname(node.configFile), 'firewall.d'), { recursive: true });
  vm = await startVm(datacentre, 'a', node, routedNic(10, 'tap0'));
  other = await startVm(datacentre, 'b', node, routedNic(11, 'tap1'));
  await listen(vm, 22, 80);
  await listen(datacentre.router, 22, 80);
  empty = JSON.stringify(await stateOf(node));
});
after(() => datacentre?.close());
beforeEach(async () => {
  if (skip !== false) return;
  for (const record of recordsOf(node)) {
    succeeded(await node.vmnet(['detach', record.replace('.json', '')]));
  }
});

/** With a profile: what the router and another VM of the node reach, and whom the guest reaches. */
async function isReached(expected: Reach): Promise<void> {
  await Promise.all([
    ...[vm.address, vm.address6].flatMap(address => [
      is(expected, datacentre.router, address),
      is(expected, other, address),
    ]),
    ...OUTSIDE.map(address => is(ALL, vm, address)),
  ]);
}

for (const [profile, expected] of PROFILES_AND_WHAT) {
  testOnce(
    `${profile}, by a tag of Ganeti's: ${JSON.stringify(expected)}, and outward everything`,
    {
      skip,
    },
    async () => {
      const tags = `other:thing synnefo:network:0:${profile} synnefo:network:1:protected`;
      const env = { ...ganetiEnv('tap0', vm.nic.mac, vm.address), INTERFACE_INDEX: '0', TAGS: tags };
      succeeded(await node.hook('kvm-vif-bridge', env));
      await attach(other);
      await isReached(expected);
      await isClean(node);
    },
  );

  test(`${profile}, by a tag of the command line: the same`, { skip }, async () => {
    await attach(vm, '--tag', `vmnet:network:*:${profile}`);
    await attach(other);
    await isReached(expected);
    const again = succeeded(
      await node.vmnet([...attachArgs(vm), '--tag', `vmnet:network:*:${profile}`, '--json']),
    );
    assert.equal(JSON.parse(again).changes, 0);
  });
}

test('whitelist: who is on it connects, and nobody else', { skip }, async () => {
  await attach(vm, '--tag', 'synnefo:network:*:whitelist');
  await attach(other);
  const { router } = datacentre;
  const pairs = [
    [vm.address, OUTSIDE[0]],
    [vm.address6, OUTSIDE[1]],
  ] as const;
  await Promise.all(
    pairs.flatMap(([address, listed]) => [
      is({ ssh: true, http: true, ping: false }, router, address, listed),
      // By its address on the segment, which is not on the list.
      is(NOTHING, router, address),
      is(NOTHING, other, address),
      is(ALL, vm, listed),
    ]),
  );
  await isClean(node);
});

test('from one profile to another: in force at once, and the first is gone', { skip }, async () => {
  await attach(vm, '--tag', 'vmnet:network:*:limited');
  await attach(vm, '--tag', 'vmnet:network:*:protected');
  await attach(other);
  await isReached(NOTHING);
  assert.doesNotMatch(JSON.stringify(await stateOf(node)), /firewall-limited/);
  await isClean(node);
});

test('NICs with different profiles, and none: each has its own', { skip }, async () => {
  const service = await listen(other, 22, 80);
  await attach(vm, '--tag', 'vmnet:network:*:protected');
  await attach(other);
  assert.deepEqual(await reach(datacentre.router, other.address), ALL);
  assert.deepEqual(await reach(datacentre.router, vm.address), NOTHING);
  assert.deepEqual(await reach(vm, other.address6), ALL);
  await service.stop();
});

testOnce('detach leaves nothing of a profile', { skip }, async () => {
  await attach(vm, '--tag', 'vmnet:network:*:whitelist');
  assert.notEqual(JSON.stringify(await stateOf(node)), empty);
  succeeded(await node.vmnet(['detach', 'tap0']));
  const { nft, rules, routes } = await stateOf(node);
  const before = JSON.parse(empty);
  assert.deepEqual({ nft, rules, routes }, { nft: before.nft, rules: before.rules, routes: before.routes });
});

testOnce('a word that nobody knows: refused, and the tap stays closed', { skip }, async () => {
  for (const [word, meant] of [
    ['protekted', 'protected'],
    ['filter:fool', 'filter:full'],
    ['', 'protected'],
  ] as const) {
    const tag = `vmnet:network:*:${word}`;
    const { exitCode, stderr } = await node.vmnet([...attachArgs(vm), '--tag', tag]);
    assert.equal(exitCode, 65, stderr);
    for (const named of [tag, meant]) assert.ok(stderr.includes(named), stderr);
    await isSilent(vm, ...OUTSIDE);
    await isSilent(datacentre.router, vm.address, vm.address6);
    assert.deepEqual(recordsOf(node), []);
  }
});

testOnce(
  'a profile that nft refuses: file and line, and those that are in force stay',
  { skip },
  async () => {
    await attach(vm, '--tag', 'vmnet:network:*:limited');
    const before = JSON.stringify(await stateOf(node));
    const bad = fileOf(
      node,
      'firewall.d/broken.nft',
      '# fine so far\ntcp dport 22 accept\ntcp dport ham accept\n',
    );
    try {
      const refused = await node.vmnet([...attachArgs(other), '--tag', 'vmnet:network:*:broken']);
      assert.equal(refused.exitCode, 78, refused.stderr);
      assert.match(refused.stderr, /firewall\.d\/broken\.nft:3/);
      const changed = await node.vmnet([...attachArgs(vm), '--tag', 'vmnet:network:*:broken']);
      assert.equal(changed.exitCode, 78, changed.stderr);
      assert.match(changed.stderr, /firewall\.d\/broken\.nft:3/);
      const checked = await node.vmnet(['config', 'check']);
      assert.equal(checked.exitCode, 78, checked.stderr);
      assert.match(checked.stderr, /firewall\.d\/broken\.nft:3/);
      assert.equal(JSON.stringify(await stateOf(node)), before);
      assert.deepEqual(await reach(datacentre.router, vm.address), { ssh: true, http: false, ping: true });
      await isSilent(other, ...OUTSIDE);
    } finally {
      rmSync(bad);
    }
  },
);

testOnce(
  'a profile that changed for the worse: repair says where, and the old one stays in force',
  {
    skip,
  },
  async () => {
    const file = fileOf(node, 'firewall.d/own.nft', 'tcp dport 22 accept\ncounter drop\n');
    try {
      await attach(vm, '--tag', 'vmnet:network:*:own');
      const expected = { ssh: true, http: false, ping: false };
      assert.deepEqual(await reach(datacentre.router, vm.address), expected);
      fileOf(node, 'firewall.d/own.nft', 'tcp dport 22 accept\ntcp dport ham accept\n');
      const { exitCode, stderr } = await node.vmnet(['repair']);
      assert.equal(exitCode, 78, stderr);
      assert.match(stderr, /firewall\.d\/own\.nft:2/);
      assert.deepEqual(await reach(datacentre.router, vm.address), expected);
      fileOf(node, 'firewall.d/own.nft', 'tcp dport 80 accept\ncounter drop\n');
      succeeded(await node.vmnet(['repair']));
      assert.deepEqual(await reach(datacentre.router, vm.address), { ssh: false, http: true, ping: false });
      await isClean(node);
    } finally {
      rmSync(file);
      succeeded(await node.vmnet(['detach', 'tap0']));
    }
  },
);
