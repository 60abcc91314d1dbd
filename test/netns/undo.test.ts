// The kernel or the machine refuses: the exit code says so, one line names what, and the kernel is as before.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CommandResult, inside, ip, missingForNamespaces } from '../support/command.ts';
import { buildDatacentre, type Datacentre, type Node } from '../support/datacentre.ts';
import { testOnce } from '../support/domain.ts';
import { stateOf } from '../support/state.ts';
import { makeTap, routedNic, startVm, type Vm } from '../support/vm.ts';
import { answers, attach, attachArgs, isClean, nft, recordsOf, succeeded, works } from './steps.ts';

const skip = missingForNamespaces() ?? false;
const VMNET = join(import.meta.dirname, '../../dist/vmnet.cjs');
let datacentre: Datacentre;
let node: Node;
let vm: Vm;

before(async () => {
  if (skip !== false) return;
  datacentre = await buildDatacentre({ program: 'dist' });
  node = datacentre.node1;
  vm = await startVm(datacentre, 'a', node, routedNic(10, 'tap0'));
});
after(() => datacentre?.close());

async function refused(run: () => Promise<CommandResult>, exit: number, names: RegExp): Promise<void> {
  const before = await stateOf(node);
  const records = recordsOf(node);
  const { exitCode, stderr } = await run();
  assert.equal(exitCode, exit, stderr);
  assert.match(stderr, names);
  assert.equal(stderr.split('\n').length, 1, stderr);
  assert.deepEqual(await stateOf(node), before);
  assert.deepEqual(recordsOf(node), records);
}

const refusedAttach = (exit: number, names: RegExp) => refused(() => node.vmnet(attachArgs(vm)), exit, names);

interface Obstacle {
  readonly what: string;
  readonly exit: number;
  readonly names: RegExp;
  readonly put: () => Promise<unknown>;
  readonly away: () => Promise<unknown>;
}

function routeInTheWay(family: '-4' | '-6', prefix: string, ...words: readonly string[]): Obstacle {
  return {
    what: `foreign route ${prefix} ${words.join(' ')}`,
    exit: 78,
    names: /993/,
    put: () => ip(node, family, 'route', 'add', prefix, ...words, 'table', '993'),
    away: () => ip(node, family, 'route', 'delete', prefix, ...words, 'table', '993'),
  };
}

/** The tap has to be up for it; what the kernel gives it then comes a little later, and must not come in between. */
async function linkRoute(): Promise<void> {
  await ip(node, 'link', 'set', 'tap0', 'up');
  const local = ['-6', 'address', 'show', 'dev', 'tap0', 'scope', 'link', '-tentative'];
  for (const end = Date.now() + 10_000; (await ip(node, ...local)) === ''; await sleep(50))
    if (Date.now() > end) assert.fail('tap0 has got no address');
  await ip(node, 'route', 'add', '192.0.2.10/32', 'dev', 'tap0', 'scope', 'link', 'table', '993');
}

const OBSTACLES: readonly Obstacle[] = [
  routeInTheWay('-4', 'default', 'via', '192.0.2.7', 'dev', 'up0', 'onlink'),
  routeInTheWay('-6', 'default', 'via', '2001:db8:993::7', 'dev', 'up0', 'onlink', 'metric', '1024'),
  routeInTheWay('-4', '192.0.2.0/24', 'dev', 'mgmt'),
  { ...routeInTheWay('-4', '192.0.2.10/32', 'dev', 'mgmt'), exit: 65, names: /192\.0\.2\.10 .*mgmt/ },
  {
    ...routeInTheWay('-4', '192.0.2.10/32', 'dev', 'tap0', 'scope', 'link'),
    put: () => linkRoute(),
    away: () => ip(node, 'link', 'set', 'tap0', 'down'),
  },
];

for (const { what, exit, names, put, away } of OBSTACLES) {
  test(`${what}: refused, named, nothing changed; gone, attach works`, { skip }, async () => {
    await put();
    await refusedAttach(exit, names);
    await away();
    await attach(vm);
    await works(datacentre, vm);
    succeeded(await node.vmnet(['detach', 'tap0']));
  });
}

test('rules of others at our preferences stay, before, with and after us', { skip }, async () => {
  for (const family of ['-4', '-6'])
    await ip(
      node,
      family,
      'rule',
      'add',
      'preference',
      '900',
      'fwmark',
      '77',
      'lookup',
      '77',
      'protocol',
      'static',
    );
  const before = await stateOf(node);
  await attach(vm);
  await works(datacentre, vm);
  for (const family of ['-4', '-6'])
    assert.match(await ip(node, family, 'rule', 'show'), /900:\s+from all fwmark 0x4d lookup 77/);
  await isClean(node);
  succeeded(await node.vmnet(['detach', 'tap0']));
  assert.deepEqual(await stateOf(node), before);
});

testOnce(
  'a table of our name with sets and chains of other kinds becomes ours, or is refused whole',
  {
    skip,
  },
  async () => {
    await nft(
      node,
      'add table inet vmnet',
      'add set inet vmnet taps { type ipv4_addr; }',
      'add chain inet vmnet prerouting { type filter hook input priority 0; }',
      'add rule inet vmnet prerouting ip saddr @taps drop',
      'add chain inet vmnet stranger',
      'add rule inet vmnet stranger ip saddr @taps drop',
    );
    const before = await stateOf(node);
    const { exitCode, stderr } = await node.vmnet(attachArgs(vm));
    if (exitCode === 0) {
      await works(datacentre, vm);
      succeeded(await node.vmnet(['detach', 'tap0']));
    } else {
      assert.equal(exitCode, 71, stderr);
      assert.deepEqual(await stateOf(node), before);
    }
    await nft(node, 'delete table inet vmnet');
  },
);

/** As root in a mount namespace in which something lies over a program. */
async function without(program: string, args: readonly string[]): Promise<CommandResult> {
  const cover = join(node.stateDir, '..', 'nothing');
  writeFileSync(cover, '', { mode: 0o644 });
  const paths = ['/usr/sbin', '/sbin', '/usr/bin', '/bin'].map(dir => `${dir}/${program}`);
  const script = `${paths.map(path => `[ -e ${path} ] && mount --bind ${cover} ${path}`).join('; ')}; exec "$@"`;
  const env = { VMNET_CONFIG: node.configFile, VMNET_STATE_DIR: node.stateDir };
  // The command's own `ip netns exec` would be gone with ip: enter first, cover then.
  return inside(node, ['unshare', '-m', 'sh', '-c', script, 'sh', VMNET, ...args], { env });
}

for (const program of ['nft', 'ip']) {
  testOnce(`without ${program}: 69, and what to install`, { skip }, async () => {
    mkdirSync(node.stateDir, { recursive: true });
    await refused(() => without(program, attachArgs(vm)), 69, new RegExp(program));
  });
}

testOnce('without perl the VM is attached all the same', { skip }, async () => {
  const { exitCode } = await without('perl', attachArgs(vm));
  assert.equal(exitCode, 0);
  await isClean(node);
  await answers(vm, '203.0.113.1', '2001:db8:ffff::1');
  succeeded(await node.vmnet(['detach', 'tap0']));
});

testOnce('not root: 77, whatever the verb', { skip }, async () => {
  const env = { VMNET_CONFIG: node.configFile, VMNET_STATE_DIR: node.stateDir };
  const asNobody = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', process.execPath];
  for (const args of [attachArgs(vm), ['detach', 'tap0'], ['repair']])
    await refused(() => inside(node, [...asNobody, VMNET, ...args], { env }), 77, /root/);
});

const RECORDS: readonly (readonly [what: string, content: (good: string) => string])[] = [
  ['truncated', good => good.slice(0, good.length / 2)],
  ['empty', () => ''],
  ['of somebody else', () => '{"hello": "world"}'],
  ['of another tap', good => good.replaceAll('"tap0"', '"tap5"')],
  ['of a later version', good => good.replace('"version": 1', '"version": 2')],
];

test('a record that cannot be read: check and list say so, attach writes it anew, detach takes all', {
  skip,
}, async () => {
  const file = join(node.stateDir, 'nics/tap0.json');
  const before = await stateOf(node);
  for (const [what, content] of RECORDS) {
    await attach(vm);
    const broken = content(readFileSync(file, 'utf8'));
    writeFileSync(file, broken);
    for (const verb of ['check', 'list']) {
      const { exitCode, stderr } = await node.vmnet([verb]);
      assert.equal(exitCode, 74, `${what}, ${verb}: ${stderr}`);
      assert.match(stderr, /tap0\.json/);
    }
    await attach(vm);
    await isClean(node);
    await works(datacentre, vm);
    writeFileSync(file, broken);
    succeeded(await node.vmnet(['detach', 'tap0']));
    const { rules, routes, proxyNeighbours, nft } = await stateOf(node);
    const { links: _, addresses: __, ...rest } = before;
    assert.deepEqual({ rules, routes, proxyNeighbours, nft }, rest, what);
    succeeded(await node.vmnet(['gc']));
  }
});

test('a tap that is in use as a bridge port of another program is taken over, and given back', {
  skip,
}, async () => {
  await makeTap(node, 'tap4');
  await ip(node, 'link', 'set', 'tap4', 'master', 'br0', 'mtu', '1400');
  const before = await stateOf(node);
  const args = ['attach', 'tap4', '--network', 'public', '--mac', 'aa:00:00:35:6d:44', '--ip', '192.0.2.44'];
  succeeded(await node.vmnet(args));
  await isClean(node);
  succeeded(await node.vmnet(['detach', 'tap4']));
  assert.deepEqual(await stateOf(node), before);
});
