// Captures what the kernel and its tools print, for test/golden and test/fixtures/kernel, in the network namespace that
// it is in: `ip netns exec NS node test/support/programs/capture.ts [CASE]...`, all cases and the fixtures when none is
// named. By hand, on a new kernel or iproute2 or nftables; the tests only read what it wrote.
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseIfname } from '../../../lib/core/model/ifname.ts';
import { ovsQuestion } from '../../../lib/core/observed/ovs.ts';
import { requestFromFlags } from '../../../lib/core/source/flags.ts';
import { keepsMac } from '../../../lib/host/bridge.ts';
import { attach } from '../../../lib/run/attach.ts';
import { type Before, GOLDEN, goldenCases, readCase } from '../golden.ts';
import { OVS_BRIDGES } from '../memory/ovs.ts';
import { SYSCTLS } from '../memory/state.ts';
import { startSwitch } from '../openvswitch.ts';
import { answers, tool } from '../real-tools.ts';
import { type RealWorld, realWorld } from '../real-world.ts';

const names = process.argv.slice(2);
for (const name of names.length === 0 ? goldenCases() : names) await captureCase(name);

async function captureCase(name: string): Promise<void> {
  const ini = readFileSync(join(GOLDEN, name, 'vmnet.ini'), 'utf8');
  // Where the kernel, or this machine, has what the case is about.
  const ovs = ini.includes('openvswitch') ? await startSwitch(OVS_BRIDGES) : undefined;
  if (ovs !== undefined) process.env.OVS_RUNDIR = ovs.env.OVS_RUNDIR;
  const world = realWorld(ini, { vlans: ini.includes('vlan-uplinks') });
  try {
    for (const before of readCase(name).before ?? []) await prepare(world, before);
    const dir = join(GOLDEN, name, 'observed');
    rmSync(dir, { recursive: true, force: true });
    mkdirSync(dir, { recursive: true });
    write(dir, world.stateDir);
    if (ini.includes('vlan-uplinks'))
      writeFileSync(join(dir, 'vlans.json'), lines(JSON.parse(tool('bridge', ['-j', 'vlan', 'show']))));
    if (ovs !== undefined)
      writeFileSync(join(dir, 'ovs.txt'), `${await ovs.vsctl('--format=json', ...ovsQuestion([]))}\n`);
  } finally {
    world.close();
    await ovs?.close();
    delete process.env.OVS_RUNDIR;
  }
}

async function prepare(world: RealWorld, before: Before): Promise<void> {
  if ('tap' in before) await world.makeTap(before.tap);
  else if ('ip' in before) await world.ip(before.ip, before.family);
  else if ('ovs' in before) await world.ovs(before.ovs);
  else if ('nft' in before) await world.nft(before.nft);
  else {
    const { context } = world;
    await attach(context, requestFromFlags(before.attach, context.config), { dryRun: false });
  }
}

function write(dir: string, stateDir: string): void {
  const [addresses = [], routes = [], rules4 = [], proxies = []] = answers(4, [
    'address show',
    'route show table all',
    'rule show',
    'neigh show proxy protocol 118',
  ]);
  const [rules6 = []] = answers(6, ['rule show']);
  const files = { addresses, routes, rules4, rules6, proxies };
  for (const [name, rows] of Object.entries(files)) writeFileSync(join(dir, `${name}.json`), lines(rows));
  const ruleset: { readonly nftables: readonly unknown[] } = JSON.parse(
    tool('nft', ['-n', '-j', 'list', 'ruleset']),
  );
  writeFileSync(join(dir, 'nft.json'), `{"nftables": ${lines(ruleset.nftables).trimEnd()}}\n`);
  const links = addresses.map(row => String(row.ifname));
  const sysctls = SYSCTLS.flatMap(path =>
    path.includes('*') ? links.map(link => path.replace('*', link)) : [path],
  );
  const bridges = addresses
    .filter(row => (row.linkinfo as { readonly info_kind?: string } | undefined)?.info_kind === 'bridge')
    .map(
      row =>
        `own-mac ${row.ifname}=${keepsMac(parseIfname(String(row.ifname), 'capture')) ? row.address : 'adopted'}`,
    );
  const values = sysctls
    .filter(path => existsSync(`/proc/sys/${path}`))
    .map(path => `${path}=${readFileSync(`/proc/sys/${path}`, 'utf8').trim()}`);
  writeFileSync(join(dir, 'sysctls.txt'), `${[...bridges, ...values].join('\n')}\n`);
  if (existsSync(join(stateDir, 'nics')))
    cpSync(join(stateDir, 'nics'), join(dir, 'nics'), { recursive: true });
}

/** A row a line, so that a diff says which one is another. */
function lines(rows: readonly unknown[]): string {
  return `[\n${rows.map(row => `  ${JSON.stringify(row)}`).join(',\n')}\n]\n`;
}
