// What happens to instances in a cluster's life, one after the other; after each, both nodes are as their guests need it.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Place } from '../support/command.ts';
import { ping } from '../support/probe.ts';
import type { Cluster } from './cluster.ts';
import type { Contract } from './contract.ts';
import { figure, ms, ratio } from './figures.ts';
import { addGuest, answers, crash, type Guest, gnt, gntFails, guestNic, nicWords } from './guest.ts';
import { type Gap, migrate, plainAttach } from './migration.ts';
import { type Machine, mustOn } from './node-run.ts';
import { type Bare, settled } from './settled.ts';

export interface Stage {
  readonly cluster: Cluster;
  /** Behind the router. */
  readonly outside: Place;
  readonly bare: readonly Bare[];
}

const AT_ONCE = ['--timeout=0'];
const SHUT_DOWN_AT_ONCE = ['--shutdown-timeout=0'];

/** `stage` is asked for when the first test runs. */
export function scenarios(contract: Contract, stage: () => Stage): void {
  let web: Guest = { name: 'web.example.test', nics: [guestNic('public', 11)], at: 0 };
  let db: Guest = { name: 'db.example.test', nics: [guestNic('public', 21), guestNic('lan', 22)], at: 0 };
  let broken = false;

  const scenario = (name: string, work: (stage: Stage) => Promise<readonly Guest[]>): void => {
    test(`${contract}: ${name}`, async (context: TestContext) => {
      // Each begins where the one before has ended.
      if (broken) return context.skip('one before it has failed');
      broken = true;
      const { cluster, outside, bare } = stage();
      const running = await work(stage());
      await Promise.all(running.map(guest => answers(outside, guest)));
      await settled(cluster, bare, running);
      broken = false;
    });
  };

  scenario('an instance is added', async ({ cluster }) => {
    await addGuest(cluster, web);
    return [web];
  });
  scenario('another one, routed and bridged', async ({ cluster }) => {
    await addGuest(cluster, db);
    return [web, db];
  });
  scenario('one is stopped', async ({ cluster }) => {
    await gnt(cluster, 'shutdown', ...AT_ONCE, web.name);
    return [db];
  });
  scenario('it is started', async ({ cluster }) => {
    await gnt(cluster, 'start', web.name);
    return [web, db];
  });
  for (const type of ['hard', 'full'])
    scenario(`reboot, ${type}`, async ({ cluster }) => {
      await gnt(cluster, 'reboot', '-t', type, ...SHUT_DOWN_AT_ONCE, web.name);
      return [web, db];
    });
  scenario('live migration, routed', async ({ cluster, outside }) => {
    const attach = await plainAttach(cluster.machines[1]);
    const gaps = await migrate(cluster, outside, web);
    web = { ...web, at: 1 };
    print(contract, 'routed', gaps, attach);
    return [web, db];
  });
  scenario('live migration, routed and bridged', async ({ cluster, outside }) => {
    const gaps = await migrate(cluster, outside, db);
    db = { ...db, at: 1 };
    print(contract, 'two NICs', gaps);
    return [web, db];
  });
  scenario('failover', async ({ cluster }) => {
    await gnt(cluster, 'failover', '-f', ...SHUT_DOWN_AT_ONCE, web.name);
    web = { ...web, at: 0 };
    return [web, db];
  });
  scenario('a NIC is plugged in', async ({ cluster }) => {
    const nic = guestNic('lan', 12);
    await gnt(cluster, 'modify', '-f', '--hotplug', '--net', `add:${nicWords(nic)}`, web.name);
    web = { ...web, nics: [...web.nics, nic] };
    return [web, db];
  });
  scenario('and out', async ({ cluster }) => {
    await gnt(cluster, 'modify', '-f', '--hotplug', '--net', '1:remove', web.name);
    web = { ...web, nics: web.nics.slice(0, 1) };
    return [web, db];
  });
  scenario('a crash, and a start', async ({ cluster, outside }) => {
    await crash(cluster, web);
    const { received } = await ping(outside, web.nics[0]?.address ?? '', { count: 1 });
    assert.equal(received, 0);
    await gnt(cluster, 'start', web.name);
    return [web, db];
  });
  scenario('a crash, and the watcher', async ({ cluster }) => {
    await crash(cluster, web);
    for (const machine of cluster.machines) await watch(machine);
    return [web, db];
  });
  scenario('a migration that fails, routed', async ({ cluster }) => {
    await withoutTransfer(cluster.machines[1], () => gntFails(cluster, 'migrate', '-f', web.name));
    return [web, db];
  });
  scenario('a migration that fails, bridged', async ({ cluster }) => {
    await withoutTransfer(cluster.machines[0], () => gntFails(cluster, 'migrate', '-f', db.name));
    // Stock Ganeti has called for the bridged NIC on the target, and says nothing of its end.
    if (contract === 'stock') for (const machine of cluster.machines) await watch(machine);
    return [web, db];
  });
  scenario('one is removed', async ({ cluster }) => {
    await gnt(cluster, 'remove', '-f', ...SHUT_DOWN_AT_ONCE, db.name);
    return [web];
  });
  scenario('all are removed', async ({ cluster }) => {
    await gnt(cluster, 'remove', '-f', ...SHUT_DOWN_AT_ONCE, web.name);
    return [];
  });
}

/** As cron does every five minutes. */
async function watch(machine: Machine): Promise<void> {
  await mustOn(machine, ['ganeti-watcher', '--ignore-pause'], { timeoutMs: 60_000 });
}

/** While the work goes on, the target takes no memory of a guest. */
async function withoutTransfer(target: Machine, work: () => Promise<unknown>): Promise<void> {
  const rules = `table inet refuse { chain input { type filter hook input priority 0;
    tcp dport 8102 reject with tcp reset; }; }`;
  await mustOn(target, ['nft', '-f', '-'], { input: rules });
  try {
    await work();
  } finally {
    await mustOn(target, ['nft', 'delete', 'table', 'inet', 'refuse']);
  }
}

function print(contract: Contract, what: string, gaps: readonly Gap[], attach?: number): void {
  for (const { address, silent, ganeti, ours } of gaps) {
    const head = `live migration, ${contract}, ${what}, ${address}: ${ms(silent)} without answer`;
    const bound = attach === undefined ? '' : `, ${ratio(ours, attach)}`;
    const parts =
      ganeti < 0
        ? `attached before; ${ms(ours)} from the guest running`
        : `${ms(ganeti)} from the guest running to the call of vmnet, ${ms(ours)} from there${bound}`;
    figure(`${head}: ${parts}`);
  }
}
