// What becomes of a live port when it joins a VRF, and when it leaves it: on the kernel in memory.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Ifname } from '../../lib/core/model/ifname.ts';
import { render } from '../../lib/core/plan/render.ts';
import { type HostOptions, hostCheck, hostDown, hostUp } from '../../lib/run/host.ts';
import type { Context } from '../../lib/run/ports.ts';
import { hostWorld } from '../support/host-world.ts';

const INI = '[vrf mgmt]\nports = eth2\n';
const LIVE: HostOptions = { dryRun: false, recreate: false, live: true, vrf: 'mgmt' as Ifname };
const DOWN = { dryRun: false, vrf: 'mgmt' as Ifname };

/** eth2 with defaults, one of them from a router's advertisement, and an address that a router gave for a time. */
function world() {
  const made = hostWorld();
  made.ip(
    'route add 0.0.0.0/0 via 10.7.0.1 dev eth2 src 10.7.0.2 mtu 1400',
    'route add ::/0 via fe80::1 dev eth2 protocol 9 expires 1700',
    'address add 2001:db8:70::2/64 dev eth2 valid_lft 600 preferred_lft 300',
    'route add 0.0.0.0/0 via 10.8.0.1 dev eth3 metric 500',
  );
  return made;
}

async function linesOf(context: Context, options: HostOptions = LIVE): Promise<readonly string[]> {
  const { plan } = await hostUp(context, { ...options, dryRun: true });
  return render(plan.steps).flatMap(batch => batch.lines.map(line => `${batch.tool} ${line.text}`));
}

test('the whole order, on a live host', async () => {
  assert.deepEqual(await linesOf(world().under(INI)), [
    'sysctl net/ipv6/conf/eth2/keep_addr_on_down=1',
    'sysctl net/ipv6/conf/eth2/accept_dad=0',
    'sysctl net/ipv4/tcp_l3mdev_accept=1',
    'ip6 rule add preference 32765 from all lookup 255 protocol 2',
    'ip6 rule add preference 1001 from all l3mdev unreachable protocol 2',
    'ip6 rule add preference 950 from 2001:db8:7::2/128 lookup 1001 protocol 2',
    'ip6 rule add preference 950 from 2001:db8:70::2/128 lookup 1001 protocol 2',
    'ip rule add preference 32765 from all lookup 255 protocol 2',
    'ip rule add preference 1001 from all l3mdev unreachable protocol 2',
    'ip rule add preference 950 from 10.7.0.2/32 lookup 1001 protocol 2',
    'ip link add name mgmt type vrf table 1001',
    'ip link set dev eth2 master mgmt',
    'ip link set dev mgmt up',
    'ip address add 127.0.0.1/8 dev mgmt',
    'ip address add 127.0.0.53/32 dev mgmt',
    'ip address add ::1/128 dev mgmt',
    'ip address add 2001:db8:70::2/64 dev eth2 valid_lft 600',
    'ip route add 10.77.0.0/16 via 10.7.0.1 dev eth2 table 1001 protocol 3',
    'ip route add 2001:db8:77::/48 via 2001:db8:7::1 dev eth2 table 1001 metric 1024 protocol 3',
    'ip route add 0.0.0.0/0 via 10.7.0.1 dev eth2 table 1001 protocol 3 src 10.7.0.2 mtu 1400',
    // Not 1024: the kernel's own is to come with that.
    'ip route add ::/0 via fe80::1 dev eth2 table 1001 metric 1025 protocol 9 expires 1700',
    'ip route add unreachable 0.0.0.0/0 table 1001 metric 4278198272 protocol 119',
    'ip route add unreachable ::/0 table 1001 metric 4278198272 protocol 119',
    'ip rule del preference 0 from all lookup 255 protocol 2',
    'ip6 rule del preference 0 from all lookup 255 protocol 2',
    'sysctl net/ipv6/conf/eth2/keep_addr_on_down=0',
    'sysctl net/ipv6/conf/eth2/accept_dad=1',
  ]);
});

test('what the section says, and what follows from it', async t => {
  const table: readonly (readonly [string, readonly RegExp[], readonly RegExp[]])[] = [
    [
      'gateway = 10.7.0.9',
      [/0\.0\.0\.0\/0 via 10\.7\.0\.9 .* 119$/, /::\/0 via fe80::1/],
      [/via 10\.7\.0\.1 dev eth2 .*mtu/],
    ],
    [
      'gateway6 = 2001:db8:7::9',
      [/::\/0 via 2001:db8:7::9 .* 119$/, /0\.0\.0\.0\/0 via 10\.7\.0\.1 /],
      [/via fe80::1/],
    ],
    ['scope = lan', [/accept_ra_defrtr=0/], [/route add \S+ via/]],
    [
      'leak = 192.0.2.0/24 2001:db8:9::/48',
      [/192\.0\.2\.0\/24 dev mgmt table 254/, /2001:db8:9::\/48 dev mgmt table 254/],
      [],
    ],
    ['accept = udp', [/udp_l3mdev_accept=1/, /raw_l3mdev_accept=0/], [/tcp_l3mdev_accept=1/]],
    ['strict = yes', [/net\/vrf\/strict_mode=1/], []],
    ['table = 1055', [/vrf table 1055/, /lookup 1055/], [/1001 protocol/]],
  ];
  for (const [key, present, absent] of table)
    await t.test(key, async () => {
      const made = world();
      made.kernel.state.sysctls.set('net/ipv4/raw_l3mdev_accept', '1');
      const text = (await linesOf(made.under(`${INI}${key}\n`))).join('\n');
      for (const one of present) assert.match(text, new RegExp(one, `${one.flags}m`));
      for (const one of absent) assert.doesNotMatch(text, new RegExp(one, `${one.flags}m`));
      const was = made.kernel.snapshot();
      await hostUp(made.under(`${INI}${key}\n`), LIVE);
      const again = await hostUp(made.under(`${INI}${key}\n`), LIVE);
      assert.deepEqual(again.plan.steps, []);
      await hostDown(made.under(`${INI}${key}\n`), DOWN);
      assert.deepEqual(withoutMetric(made.kernel.snapshot()), withoutMetric(was));
      assert.deepEqual(made.kernel.records(), {});
    });
});

/** Of the router's advertisement: the kernel's own is to come with the metric that it had. */
function withoutMetric(lines: readonly string[]): readonly string[] {
  return lines.map(line => line.replace(/metric 102[45](.*proto 9)$/, '$1'));
}

test('a DHCP client that writes to main again is followed into the table', async () => {
  const made = world();
  await hostUp(made.under(INI), LIVE);
  made.ip('route add 0.0.0.0/0 via 10.7.0.7 dev eth2 metric 202 protocol 16');
  assert.notDeepEqual(await hostCheck(made.under(INI)), []);
  await hostUp(made.under(INI), LIVE);
  const defaults = made.shows(/^route \d+ 0\.0\.0\.0\/0 metric 202/);
  assert.deepEqual(defaults, ['route 1001 0.0.0.0/0 metric 202 dev eth2 via 10.7.0.7 proto 16']);
  assert.deepEqual(made.shows(/^route 254 0/), [
    'route 254 0.0.0.0/0 metric 500 dev eth3 via 10.8.0.1 proto 3',
  ]);
});

test('a rule for the renewals of a lease goes with its VRF, and one that was left is in no way', async () => {
  const made = world();
  const rule = (table: number) =>
    `rule add preference 890 to 10.7.0.1/32 ipproto udp dport 67 lookup ${table} protocol 2`;
  const renewals = () => made.shows(/^rule 4 890 /).map(line => line.replace(/^.* lookup | protocol 2/g, ''));
  // Of somebody else's VRF.
  made.ip('link add name other type vrf table 77', rule(77));
  await hostUp(made.under(INI), LIVE);
  for (const left of [false, true]) {
    made.ip(rule(1001));
    // The second time it has been there before.
    if (left) await hostUp(made.under(INI), LIVE);
    assert.deepEqual(await hostCheck(made.under(INI)), []);
    assert.deepEqual(renewals().sort(), ['1001', '77']);
    await hostDown(made.under(INI), DOWN);
    assert.deepEqual(renewals(), ['77']);
  }
});

test('one VRF comes and goes beside what else the file has', async () => {
  const ini = `${INI}\n[vrf red]\ntable = 1002\nports = eth3\n\n[bridge br5]\nports = eth1\n`;
  const made = world();
  const was = made.kernel.snapshot();
  await hostUp(made.under(ini), LIVE);
  assert.deepEqual(made.shows(/^link (red|br5) /), []);
  const alone = made.kernel.snapshot();
  await hostUp(made.under(ini), { ...LIVE, vrf: 'red' as Ifname });
  await hostDown(made.under(ini), { ...DOWN, vrf: 'red' as Ifname });
  assert.deepEqual(made.kernel.snapshot(), alone);
  await hostUp(made.under(ini), { dryRun: false, recreate: false });
  await hostDown(made.under(ini), DOWN);
  assert.deepEqual(made.shows(/^rule [46] 0 /), [], 'red still needs its tables before local');
  assert.equal(made.shows(/^link (red|br5) state up/).length, 2);
  await hostDown(made.under(ini), { dryRun: false });
  assert.deepEqual(withoutMetric(made.kernel.snapshot()), withoutMetric(was));
});
