// Attach tells the segment where the VM is, at once and twice again, and does not keep its caller for that.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { capture } from '../support/capture.ts';
import { argvInside, inside, ip, missingForNamespaces, must, PATH } from '../support/command.ts';
import { buildDatacentre, type Datacentre } from '../support/datacentre.ts';
import { routedNic, startVm, type Vm } from '../support/vm.ts';
import { attach, ganetiEnv, succeeded } from './steps.ts';

const skip = missingForNamespaces() ?? false;
const HOOK = join(import.meta.dirname, '../../dist/hooks/kvm-vif-bridge');
let datacentre: Datacentre;
let vm: Vm;

before(async () => {
  if (skip !== false) return;
  datacentre = await buildDatacentre({ program: 'dist' });
  vm = await startVm(datacentre, 'a', datacentre.node1, routedNic(10, 'tap0'));
});
after(() => datacentre?.close());

async function mac(): Promise<string> {
  return JSON.parse(await ip(datacentre.node1, '-j', 'link', 'show', 'dev', 'up0'))[0].address;
}

/** Runs the hook as a hypervisor does: with pipes, and waiting for their end. */
async function hook(): Promise<{ code: number | null; exitMs: number; eofMs: number; said: string }> {
  const { configFile: VMNET_CONFIG, stateDir: VMNET_STATE_DIR } = datacentre.node1;
  const env = { PATH, VMNET_CONFIG, VMNET_STATE_DIR, ...ganetiEnv('tap0', vm.nic.mac, vm.address) };
  const [file = '', ...args] = argvInside(datacentre.node1, [HOOK]);
  const start = performance.now();
  const child = spawn(file, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const pipe of [child.stdout, child.stderr]) pipe.on('data', chunk => (said += chunk));
  const exit = new Promise<[number | null, number]>(done =>
    child.once('exit', code => done([code, performance.now() - start])),
  );
  const eofMs = await new Promise<number>(done => child.once('close', () => done(performance.now() - start)));
  const [code, exitMs] = await exit;
  return { code, exitMs, eofMs, said };
}

test('the hook: three rounds of ARP request, ARP reply and advertisement; caller and pipes are free before the second', {
  skip,
}, async () => {
  const up0 = await mac();
  const sniffer = await capture(datacentre.router, 'eth0', `ether src ${up0} and (arp or icmp6[0] == 136)`);
  const { code, exitMs, eofMs, said } = await hook();
  assert.deepEqual([code, said], [0, '']);
  assert.ok(exitMs < 900 && eofMs < 900, `exit after ${exitMs} ms, end of pipes after ${eofMs} ms`);
  assert.equal(rounds(sniffer.lines(), up0).length, 1, 'one round is out when the hook returns');
  await sleep(3500);
  const times = rounds(await sniffer.stop(), up0);
  assert.equal(times.length, 3);
  await sleep(100);
  assert.deepEqual(await running(), [], 'nothing is left running');
});

/** The processes of the node; one that has ended and waits for init to be told is none. */
async function running(): Promise<readonly string[]> {
  const pids = (await must(['ip', 'netns', 'pids', datacentre.node1.ns])).split('\n').filter(Boolean);
  if (pids.length === 0) return [];
  const { stdout } = await inside(datacentre.node1, ['ps', '-o', 'stat=,args=', '-p', pids.join(',')]);
  return stdout.split('\n').filter(line => line !== '' && !line.startsWith('Z'));
}

/** The time of each round; a round is all three frames. */
function rounds(lines: readonly string[], up0: string): readonly string[] {
  const found = (pattern: RegExp) => lines.filter(line => pattern.test(line));
  const asked = found(
    new RegExp(`> ff:ff:ff:ff:ff:ff, .*Request who-has ${vm.address} .*tell ${vm.address},`),
  );
  const replied = found(new RegExp(`> ff:ff:ff:ff:ff:ff, .*Reply ${vm.address} is-at ${up0}`));
  const advertised = found(new RegExp(`> 33:33:00:00:00:01, .*advertisement, tgt is ${vm.address6}`));
  assert.deepEqual([replied.length, advertised.length], [asked.length, asked.length], lines.join('\n'));
  return asked.map(line => line.split(' ')[0] ?? '');
}

test('announce says it again, and repeats end with the NIC', { skip }, async () => {
  await attach(vm);
  const up0 = await mac();
  const sniffer = await capture(datacentre.router, 'eth0', `ether src ${up0} and (arp or icmp6[0] == 136)`);
  succeeded(await datacentre.node1.vmnet(['announce', 'tap0']));
  assert.equal(rounds(sniffer.lines(), up0).length, 1);
  succeeded(await datacentre.node1.vmnet(['detach', 'tap0']));
  const before = sniffer.lines().length;
  await sleep(3500);
  assert.deepEqual(
    (await sniffer.stop()).slice(before),
    [],
    'a node that has let go of a VM must not call it back',
  );
  const { exitCode, stderr } = await datacentre.node1.vmnet(['announce', 'tap0']);
  assert.equal(exitCode, 65);
  assert.match(stderr, /tap0/);
});
