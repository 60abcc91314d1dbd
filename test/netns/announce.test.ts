// Frames on a real wire: a veth pair in a namespace of its own, its far end in another one.
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { after, before, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';

const HOST = `vmnet-ann-h${process.pid}`;
const PEER = `vmnet-ann-p${process.pid}`;
const MAC = '02:00:00:00:00:aa';
const PROGRAM = join(import.meta.dirname, '../support/programs/announce.ts');
const linkLocal = { family: 6, text: 'fe80::aa' };
const V4 = { dev: 'up0', mac: MAC, address: { family: 4, text: '192.0.2.10' } };
const V6 = { dev: 'up0', mac: MAC, linkLocal, address: { family: 6, text: '2001:db8:993::10' } };
const ROUND = ['arp request', 'arp reply', 'advertisement'];

const dir = mkdtempSync(join(tmpdir(), 'vmnet-ann-'));

before(() => {
  for (const ns of [HOST, PEER]) execFileSync('ip', ['netns', 'add', ns]);
  ip(HOST, 'link add up0 type veth peer name eth0 netns', PEER);
  ip(HOST, 'link set up0 up');
  ip(PEER, 'link set eth0 up');
  ip(PEER, 'address add 192.0.2.1/24 dev eth0');
  ip(PEER, 'address add 2001:db8:993::1/64 dev eth0 nodad');
});
after(() => {
  for (const ns of [HOST, PEER]) spawnSync('ip', ['netns', 'del', ns]);
  rmSync(dir, { recursive: true });
});

function ip(ns: string, words: string, ...more: string[]): string {
  return execFileSync('ip', ['-n', ns, ...words.split(' '), ...more], { encoding: 'utf8' });
}

function announceArgs(input: object): string[] {
  return ['netns', 'exec', HOST, process.execPath, PROGRAM, JSON.stringify(input)];
}

function announce(input: object): { ms?: number[]; exit?: string; message?: string } {
  const { status, stdout, stderr } = spawnSync('ip', announceArgs(input), { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

/** Listens at the far end; `stop` gives what came, in order, with the seconds since the first of it. */
async function capture() {
  const filter = `ether src ${MAC}`;
  const args = [
    'netns',
    'exec',
    PEER,
    'tcpdump',
    '-i',
    'eth0',
    '-l',
    '-n',
    '-e',
    '-vv',
    '-tt',
    '--immediate-mode',
    filter,
  ];
  const child = spawn('ip', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise(resolve => child.once('close', resolve));
  let text = '';
  child.stdout.setEncoding('utf8').on('data', part => {
    text += part;
  });
  for await (const line of createInterface(child.stderr)) if (line.includes('listening')) break;
  return async () => {
    child.kill('SIGINT');
    await ended;
    // tcpdump folds a packet; the continuation is indented.
    const packets = text
      .replace(/\n\s+/g, ' ')
      .trimEnd()
      .split('\n')
      .filter(line => line !== '');
    const start = Number.parseFloat(packets[0] ?? '');
    return packets.map(packet => ({ at: Number.parseFloat(packet) - start, kind: kindOf(packet), packet }));
  };
}

function kindOf(packet: string): string {
  if (/ > ff:ff:ff:ff:ff:ff, .*Request who-has 192\.0\.2\.10 .*tell 192\.0\.2\.10/.test(packet))
    return 'arp request';
  if (/ > ff:ff:ff:ff:ff:ff, .*Reply 192\.0\.2\.10 is-at 02:00:00:00:00:aa/.test(packet)) return 'arp reply';
  const advertisement =
    /> 33:33:00:00:00:01, .*hlim 255.* fe80::aa > ff02::1: \[icmp6 sum ok\] .*neighbor advertisement.*tgt is 2001:db8:993::10, Flags \[override\].*destination link-address option.*02:00:00:00:00:aa/;
  return advertisement.test(packet) ? 'advertisement' : packet;
}

it('sends request, reply and advertisement at once and twice again, and lets the caller go before that', async () => {
  const stop = await capture();
  // The third pipe lies where the runtime does not look for what it inherited.
  const child = spawn('ip', announceArgs({ announcements: [V4, V6], repeats: [3, 5] }), {
    stdio: ['pipe', 'pipe', 'pipe', ...Array(36).fill('ignore'), 'pipe'],
  });
  const stdio: readonly unknown[] = child.stdio;
  const pipes = [stdio[1], stdio[2], stdio[39]].map(pipe => (pipe as Readable).toArray());
  child.stdin.end();
  await Promise.all(pipes);
  // All pipes have ended while the process of the repeats is still there.
  assert.equal(announcers(), 1);
  while (announcers() > 0) await setTimeout(100);
  const packets = await stop();
  assert.deepEqual(
    packets.map(({ kind }) => kind),
    [...ROUND, ...ROUND, ...ROUND],
  );
  // Not timed: that each round is apart from the next is what tells repeats from copies.
  const rounds = [0, 3, 6].map(i => packets[i]!.at);
  assert.ok(rounds[1]! - rounds[0]! > 1 && rounds[2]! - rounds[1]! > 1, `rounds at ${rounds.join(', ')} s`);
  // tcpdump sees frames of 42 bytes for ARP: nothing was added or joined.
  assert.deepEqual(
    packets.slice(0, 3).map(({ packet }) => /length (\d+):/.exec(packet)?.[1]),
    ['42', '42', '86'],
  );
  assert.equal(announcers(), 0);
});

it('makes a neighbour overwrite what it had, ARP and ND', async () => {
  for (const address of ['192.0.2.10', '2001:db8:993::10']) {
    ip(PEER, `neigh replace ${address} lladdr 02:00:00:00:00:01 dev eth0 nud stale`);
  }
  assert.equal(announce({ announcements: [V4, V6], repeats: [] }).exit, undefined);
  await setTimeout(100);
  for (const address of ['192.0.2.10', '2001:db8:993::10']) {
    assert.match(ip(PEER, `neigh show to ${address} dev eth0`), new RegExp(` lladdr ${MAC} `));
  }
});

it('sends for the other uplink when one is absent, and says so', async () => {
  const stop = await capture();
  const { exit, message } = announce({ announcements: [{ ...V4, dev: 'gone0' }, V6], repeats: [] });
  await setTimeout(100);
  assert.equal(exit, 'kernel');
  assert.match(message ?? '', /gone0/);
  assert.deepEqual(
    (await stop()).map(({ kind }) => kind),
    ['advertisement'],
  );
});

it('refuses an uplink that is down', () => {
  ip(HOST, 'link add down0 type veth peer name down1');
  const { exit, message } = announce({ announcements: [{ ...V4, dev: 'down0' }], repeats: [] });
  assert.equal(exit, 'kernel');
  assert.match(message ?? '', /down0/);
});

it('stops when the device vanishes', async () => {
  ip(HOST, 'link add brief0 type veth peer name brief1');
  ip(HOST, 'link set brief0 up');
  ip(HOST, 'link set brief1 up');
  assert.equal(announce({ announcements: [{ ...V4, dev: 'brief0' }], repeats: [0.5, 30] }).exit, undefined);
  assert.equal(announcers(), 1);
  ip(HOST, 'link del brief0');
  await setTimeout(1000);
  assert.equal(announcers(), 0);
});

it('sends by socat where there is no perl, and says what to install where there is neither', async () => {
  const socat = spawnSync('which', ['socat'], { encoding: 'utf8' }).stdout.trim();
  assert.notEqual(socat, '', 'socat is needed for this test');
  symlinkSync(socat, join(dir, 'socat'));
  const stop = await capture();
  assert.equal(announce({ announcements: [V4, V6], repeats: [1], path: dir }).exit, undefined);
  await setTimeout(100);
  assert.deepEqual(
    (await stop()).map(({ kind }) => kind),
    ROUND,
  );
  assert.equal(announce({ announcements: [{ ...V4, dev: 'gone0' }], repeats: [], path: dir }).exit, 'kernel');
  assert.equal(announce({ announcements: [V4], repeats: [], path: join(dir, 'empty') }).exit, 'missing');
});

it('sends the frames of a thousand addresses in one call', async () => {
  const before = received();
  const many = Array.from({ length: 1000 }, (_, i) => ({
    ...V4,
    address: { family: 4, text: `192.0.${2 + Math.floor(i / 250)}.${1 + (i % 250)}` },
  }));
  assert.equal(announce({ announcements: many, repeats: [] }).exit, undefined);
  await setTimeout(100);
  assert.ok(received() - before >= 2000, `${received() - before} frames came`);
});

function received(): number {
  const [link] = JSON.parse(ip(PEER, '-j -s link show dev eth0')) as {
    stats64: { rx: { packets: number } };
  }[];
  return link!.stats64.rx.packets;
}

/** Background senders in the namespace; one that ended and waits for init to be told counts as gone. */
function announcers(): number {
  const pids = execFileSync('ip', ['netns', 'pids', HOST], { encoding: 'utf8' }).split('\n').filter(Boolean);
  if (pids.length === 0) return 0;
  const { stdout } = spawnSync('ps', ['-o', 'stat=,args=', '-p', pids.join(',')], { encoding: 'utf8' });
  return stdout.split('\n').filter(line => line.includes('vmnet announce') && !line.startsWith('Z')).length;
}
