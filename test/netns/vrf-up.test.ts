// A VRF on a kernel that has none.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { inside, ip, missingForNamespaces, must, type Place } from '../support/command.ts';
import { missingModule } from '../support/modules.ts';
import { stateOf } from '../support/state.ts';

const VMNET = join(import.meta.dirname, '../../dist/vmnet.cjs');
const skip = missingForNamespaces() ?? (missingModule('vrf') === false ? 'this kernel has VRFs' : false);

test('a kernel without VRFs is named before anything is changed, and the package that helps', {
  skip,
}, async () => {
  const place: Place = { ns: `vrfup${process.pid}` };
  const directory = mkdtempSync(join(tmpdir(), 'vrf-up-'));
  try {
    await must(['ip', 'netns', 'add', place.ns]);
    await ip(place, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'other');
    const was = await stateOf(place);
    const config = join(directory, 'vmnet.ini');
    writeFileSync(config, '[vrf mgmt]\nports = eth0\n');
    const env = { VMNET_CONFIG: config, VMNET_STATE_DIR: directory };
    const { exitCode, stderr } = await inside(place, [VMNET, 'vrf', 'up', 'mgmt'], { env });
    assert.equal(exitCode, 69);
    assert.match(stderr, /vmnet\.ini:1: .*module vrf; modprobe vrf; .*linux-/);
    assert.equal(stderr.trim().split('\n').length, 1);
    assert.deepEqual(await stateOf(place), was);
    assert.equal(existsSync(join(directory, 'lasting/unconfirmed.json')), false);
    assert.equal((await inside(place, [VMNET, 'vrf', 'down', 'mgmt'], { env })).exitCode, 65);
  } finally {
    await must(['ip', 'netns', 'del', place.ns]);
    rmSync(directory, { recursive: true });
  }
});
