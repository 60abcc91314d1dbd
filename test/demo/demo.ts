// `make demo`: two VMs in network namespaces, wired by the real command line, one of them moved while it is pinged.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual, styleText } from 'node:util';
import { inside, ip, missingForNamespaces, type Place } from '../support/command.ts';
import { buildDatacentre, type Datacentre, type Node, namespaces } from '../support/datacentre.ts';
import { type Probe, ping, startProbe } from '../support/probe.ts';
import { stateOf } from '../support/state.ts';
import { bridgedNic, moveVm, routedNic, startVm, stopVm, type Vm } from '../support/vm.ts';

const program = join(import.meta.dirname, '../../dist/vmnet.cjs');

await main();

async function main(): Promise<void> {
  const missing = existsSync(program) ? missingForNamespaces() : 'needs dist/vmnet.cjs; make build makes it';
  if (missing !== undefined) return end(69, missing);
  const started = performance.now();
  const links = readdirSync('/sys/class/net');
  const datacentre = await buildDatacentre({ program: 'dist' });
  try {
    await show(datacentre);
  } catch (error) {
    return end(1, error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error));
  } finally {
    datacentre.close();
  }
  const left = [
    ...namespaces().filter(name => name.startsWith(datacentre.prefix)),
    ...readdirSync('/sys/class/net').filter(name => !links.includes(name)),
  ];
  if (left.length > 0) return end(1, `left behind: ${left.join(', ')}`);
  note(
    `The namespaces are gone, and no link is left. ${((performance.now() - started) / 1000).toFixed(1)} s`,
  );
}

async function show(datacentre: Datacentre): Promise<void> {
  const { router, node1, node2 } = datacentre;
  title('A router, two nodes and two VMs, in network namespaces');
  note('router  192.0.2.1 and 2001:db8:993::1 on the routed segment, 198.51.100.1 on the bridged one');
  note('        203.0.113.1 and 2001:db8:ffff::1 behind it');
  note('node1, node2  up0 on the routed segment, without addresses; br0 on the bridged one');
  const before = { node1: await stateOf(node1), node2: await stateOf(node2) };

  title('A VM with a routed NIC: the plan, then the deed');
  const web = await startVm(datacentre, 'web', node1, routedNic(10, 'tap0'));
  const attachWeb = ['attach', 'tap0', '--network', 'public', '--mac', web.nic.mac, '--ip', web.address];
  shown(shortened(await vmnet(node1, [...attachWeb, '--dry-run'])));
  shown(await vmnet(node1, attachWeb));
  for (const args of [
    ['route', 'show', 'table', '993'],
    ['-6', 'route', 'show', 'table', '993'],
    ['neighbour', 'show', 'proxy'],
  ]) {
    typed('node1', ['ip', ...args]);
    shown(await ip(node1, ...args));
  }

  title('A VM with a bridged NIC');
  const db = await startVm(datacentre, 'db', node1, bridgedNic(20, 'tap1'));
  const mac = ['--mac', db.nic.mac];
  const addresses = ['--ip', db.address, '--ip', db.address6];
  shown(await vmnet(node1, ['attach', 'tap1', '--mode', 'bridged', '--link', 'br0', ...mac, ...addresses]));

  title('Everybody reaches everybody');
  for (const vm of [web, db])
    for (const address of [vm.address, vm.address6]) await pings('router', router, address);
  for (const address of ['203.0.113.1', '2001:db8:ffff::1', db.address, db.address6])
    await pings('web', web, address);

  title('The bridged VM takes an address that is not its own');
  await ip(db, 'address', 'add', '198.51.100.66/32', 'dev', 'eth0');
  await inside(db, [
    'ping',
    '-n',
    '-c',
    '3',
    '-i',
    '0.02',
    '-W',
    '0.1',
    '-I',
    '198.51.100.66',
    '198.51.100.1',
  ]);
  const why = await vmnet(node1, ['show', 'tap1']);
  const dropped = why.split('\n').filter(line => /dropped [1-9]/.test(line));
  if (dropped.length === 0) throw new Error('a forged address was let through');
  shown(dropped.join('\n'));

  title('The routed VM moves to node2, pinged by the router every 5 ms');
  const moved = await move(router, web, node2, attachWeb);
  for (const node of [node1, node2]) {
    shown(await vmnet(node, ['list']));
    shown(await vmnet(node, ['check']));
  }

  title('Everything is taken away');
  shown(await vmnet(node2, ['detach', 'tap0']));
  shown(await vmnet(node1, ['detach', 'tap1']));
  for (const vm of [moved, db]) await stopVm(vm);
  for (const node of [node1, node2]) {
    const now = await stateOf(node);
    const differing = Object.entries(before[node.name as keyof typeof before]).filter(
      ([name, lines]) => !isDeepStrictEqual(lines, now[name as keyof typeof now]),
    );
    if (differing.length > 0)
      throw new Error(`${node.name} differs from before in ${differing.map(([n]) => n).join(', ')}`);
    note(`${node.name}: links, addresses, rules, routes, proxy neighbours and nftables are what they were`);
  }
}

async function move(router: Place, vm: Vm, to: Node, attach: readonly string[]): Promise<Vm> {
  const probes = [await startProbe(router, vm.address), await startProbe(router, vm.address6)];
  await sleep(200);
  const started = performance.now();
  const moved = await moveVm(vm, to);
  const wired = performance.now();
  shown(await vmnet(to, attach));
  const attached = performance.now();
  await sleep(200);
  shown(await vmnet(vm.node, ['detach', vm.nic.tap]));
  await sleep(200);
  for (const [index, probe] of probes.entries()) await report(index === 0 ? 'IPv4' : 'IPv6', probe);
  const [tapMs, vmnetMs] = [Math.round(wired - started), Math.round(attached - wired)];
  note(`      of these, ${tapMs} ms for the new tap and ${vmnetMs} ms for vmnet attach`);
  for (const address of [vm.address, vm.address6]) await pings('router', router, address);
  return moved;
}

async function report(family: string, probe: Probe): Promise<void> {
  const { sent, lost, longestGapMs, silentMs } = await probe.stop();
  if (silentMs > 150) throw new Error(`${family}: the VM has not answered since ${silentMs} ms`);
  note(styleText('bold', `${family}: ${longestGapMs} ms without an answer, ${lost} of ${sent} pings lost`));
}

async function vmnet(node: Node, args: readonly string[]): Promise<string> {
  typed(node.name, ['vmnet', ...args]);
  const { exitCode, stdout, stderr } = await node.vmnet(args);
  if (exitCode === 0) return stdout;
  const said = (stderr || stdout).trim().split('\n')[0];
  throw new Error(`vmnet ${args.join(' ')} on ${node.name}: exit ${exitCode}: ${said}`);
}

async function pings(name: string, from: Place, address: string): Promise<void> {
  const { sent, received } = await ping(from, address);
  if (received < sent) throw new Error(`${name} pings ${address}: ${received} of ${sent} answered`);
  console.log(`${styleText('cyan', `${name}# ping ${address}`)}  ${received} of ${sent} answered`);
}

/** Each part of a plan by its beginning and its end. */
function shortened(plan: string): string {
  const parts = plan.trim().split(/^(?=# )/m);
  return parts
    .flatMap(part => {
      const lines = part.trimEnd().split('\n');
      return lines.length <= 9
        ? lines
        : [...lines.slice(0, 3), `… ${lines.length - 8} more`, ...lines.slice(-5)];
    })
    .join('\n');
}

function title(text: string): void {
  console.log(`\n${styleText('bold', text)}`);
}

function typed(name: string, argv: readonly string[]): void {
  console.log(styleText('cyan', `${name}# ${argv.join(' ')}`));
}

function shown(text: string): void {
  for (const line of text.trim().split('\n')) note(line.trimEnd());
}

function note(text: string): void {
  console.log(`  ${text}`);
}

function end(code: number, line: string): void {
  console.error(styleText('red', `demo: ${line}`, { stream: process.stderr }));
  process.exitCode = code;
}
