// The address of the administrator moves from a port onto a VLAN of a bond, and back when nobody confirms it.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { answers, settled, succeeded } from '../netns/steps.ts';
import { ipBatch } from '../support/command.ts';
import { buildDatacentre, type Datacentre, type Node } from '../support/datacentre.ts';
import { missingLinkTypes } from '../support/link-types.ts';
import { stateOf } from '../support/state.ts';
import { buildTrunk } from './trunk.ts';

const skip = missingLinkTypes('bond', 'vlan') ?? false;
const ROUTERS = ['10.9.9.254', '2001:db8:999::fe'] as const;
const SSH = { SSH_CONNECTION: '10.9.9.254 50000 10.9.9.1 22' };
const INI = `[bond bond0]
mode = active-backup
ports = eno1 eno2
primary = eno1
addresses = 10.9.9.1/24 2001:db8:999::1/64
gateway = 10.9.9.254
gateway6 = 2001:db8:999::fe

[vlan bond0.992]
parent = bond0
id = 992
addresses = 198.51.100.9/24 2001:db8:992::9/64
`;

let datacentre: Datacentre;
let node: Node;

before(async () => {
  if (skip !== false) return;
  datacentre = await buildDatacentre({ program: 'dist' });
  node = datacentre.node1;
  await buildTrunk(datacentre);
  await ipBatch(node, [
    'link set eno1 up',
    'address add 10.9.9.1/24 dev eno1',
    'address add 2001:db8:999::1/64 dev eno1 nodad',
    'route add default via 10.9.9.254 dev eno1 onlink',
    'route add default via 2001:db8:999::fe dev eno1 onlink',
  ]);
  writeFileSync(node.configFile, INI);
});
after(() => datacentre?.close());

const pending = () => {
  const file = join(node.stateDir, 'lasting/unconfirmed.json');
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
};

/** Without what the kernel gives in its own time. */
async function lasting(): Promise<readonly string[]> {
  const { links, addresses, routes } = await stateOf(node);
  return [...links, ...addresses, ...routes].filter(line => !/fe80|ff00::/.test(line));
}

test('from a port onto a bond, and back; confirmed, it stays there', { skip }, async () => {
  await settled(node);
  const was = await lasting();
  assert.equal((await node.vmnet(['host', 'up'], { env: SSH })).exitCode, 65, 'it would cut the connection');
  succeeded(await node.vmnet(['host', 'up', '--confirm', '8'], { env: SSH }));
  await settled(node);
  await answers(node, ...ROUTERS, '198.51.100.1', '2001:db8:992::1');
  for (const end = Date.now() + 40_000; pending()?.state !== 'undone' && Date.now() < end; ) await sleep(200);
  assert.equal(pending()?.state, 'undone');
  await settled(node);
  assert.deepEqual(await lasting(), was);
  await answers(node, ...ROUTERS);

  succeeded(await node.vmnet(['host', 'up', '--confirm', '60'], { env: SSH }));
  succeeded(await node.vmnet(['confirm'], { env: { SSH_CONNECTION: '10.9.9.254 50001 10.9.9.1 22' } }));
  await settled(node);
  await answers(node, ...ROUTERS, '198.51.100.1', '2001:db8:992::1');
});
