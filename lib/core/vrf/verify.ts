import { FAMILIES, type Family } from '../model/address.ts';
import {
  defaultWords,
  LAST_RESORT_METRIC,
  LOCAL_TABLE,
  MAIN_TABLE,
  type Vrf,
  type World,
  type WorldAddress,
} from './world.ts';

/** What one check has found; `hint` says what to do where it is wrong. */
export interface Finding {
  readonly check:
    | 'link'
    | 'rules'
    | 'default'
    | 'last resort'
    | 'leak'
    | 'loopback'
    | 'process'
    | 'cgroup'
    | 'gateway'
    | 'dns';
  readonly ok: boolean;
  readonly text: string;
  readonly hint?: string;
}

/** A cgroup .../vrf/NAME, and the device that a socket gets which is made there: '!reason' when that device is gone. */
export interface CgroupDevice {
  readonly path: string;
  readonly device: string;
  /** How many processes are in it, with sockets of their own that stay as they are. */
  readonly processes: number;
}

/** Whether the gateway of a default route answers ARP or neighbour discovery; `unasked` says why nobody asked. */
export interface GatewayAnswer {
  readonly family: Family;
  readonly gateway: string;
  readonly dev: string;
  readonly mac?: string;
  readonly unasked?: string;
}

/** What a name server said to a query from within the VRF: `answer` NOERROR for instance, or `no answer`. */
export interface DnsAnswer {
  readonly server: string;
  readonly answer: string;
}

/** Routing, which needs nothing but what `ip` says. `stubs` are loopback addresses in /etc/resolv.conf. */
export function verifyRouting(world: World, vrf: Vrf, stubs: readonly string[]): readonly Finding[] {
  return [
    {
      check: 'link',
      ok: vrf.up,
      text: `${vrf.name} is ${vrf.up ? 'up' : 'down'}, table ${vrf.table}`,
      ...hint(!vrf.up, `ip link set ${vrf.name} up`),
    },
    ...FAMILIES.map(family => ruleOrder(world, family)),
    ...FAMILIES.flatMap(family => defaults(vrf, family)),
    ...FAMILIES.flatMap(family => leaks(world, vrf, family)),
    ...loopbacks(vrf, stubs),
  ];
}

/**
 * While `local` is asked before the tables of VRFs, an address of the host is local to every VRF, and 127.0.0.1 is that
 * of lo. Without a rule for `local` at all the family is dead.
 */
function ruleOrder(world: World, family: Family): Finding {
  const first = (table: number | 'l3mdev') =>
    Math.min(
      ...world.rules[family]
        .filter(rule => rule.table === table && !rule.narrow)
        .map(rule => rule.preference),
    );
  const [l3mdev, local] = [first('l3mdev'), first(LOCAL_TABLE)];
  const ip = `ip -${family} rule`;
  const finding = (ok: boolean, text: string, todo: string): Finding => ({
    check: 'rules',
    ok,
    text: `IPv${family}: ${text}`,
    ...hint(!ok, todo),
  });
  if (local === Number.POSITIVE_INFINITY)
    return finding(
      false,
      'no rule looks up table local',
      `${ip} add pref 32765 lookup local protocol kernel`,
    );
  if (l3mdev === Number.POSITIVE_INFINITY)
    return finding(
      false,
      'the rule for VRFs (l3mdev) is missing',
      `${ip} add pref 1000 l3mdev protocol kernel`,
    );
  if (local < l3mdev) {
    const later = 'add pref 32765 lookup local protocol kernel';
    return finding(
      false,
      `table local (${local}) comes before the VRFs (${l3mdev})`,
      `${ip} ${later}, and only then ${ip} del pref ${local} lookup local`,
    );
  }
  return finding(true, `VRFs (${l3mdev}) come before table local (${local})`, '');
}

/** The VRF's own default where a port has addresses of the family, and the last resort in both families. */
function defaults(vrf: Vrf, family: Family): readonly Finding[] {
  const routes = vrf.defaults[family];
  const real = routes.filter(route => !route.unreachable);
  const last = routes.find(route => route.unreachable);
  const used = vrf.ports.some(port => port.addresses.some(one => one.family === family && one.global));
  const add = `ip -${family} route`;
  const way = defaultWords(real).join(', ');
  const none = used ? 'no default route' : 'no default route, and no port has an address that could need one';
  return [
    {
      check: 'default',
      ok: real.length > 0 || !used,
      text: `IPv${family}: ${real.length > 0 ? `default by ${way}` : none}`,
      ...hint(real.length === 0 && used, `${add} replace default via GATEWAY dev PORT table ${vrf.table}`),
    },
    {
      check: 'last resort',
      ok: last !== undefined,
      text: `IPv${family}: ${last === undefined ? 'without an unreachable default, packets leave by table main when the default is gone' : 'unreachable default'}`,
      ...hint(
        last === undefined,
        `${add} replace unreachable default metric ${LAST_RESORT_METRIC} table ${vrf.table}`,
      ),
    },
  ];
}

/** The kernel takes a default in main by a port of a VRF, and DHCP clients put one there. */
function leaks(world: World, vrf: Vrf, family: Family): readonly Finding[] {
  const ports = new Set(vrf.ports.map(({ name }): string => name));
  const leaked = world.defaults[family].filter(
    ({ table, dev }) => table === MAIN_TABLE && dev !== undefined && ports.has(dev),
  );
  if (leaked.length === 0) {
    return [{ check: 'leak', ok: true, text: `IPv${family}: no default route of a port is in table main` }];
  }
  return leaked.map(route => ({
    check: 'leak',
    ok: false,
    text: `IPv${family}: table main has default ${defaultWords([route]).join()}, which is a port of ${vrf.name}`,
    hint: `ip -${family} route del default dev ${route.dev} table main${route.metric === 0 ? '' : ` metric ${route.metric}`}`,
  }));
}

/**
 * Only an address itself is local on a VRF, which is no loopback to the kernel: 127.0.0.1/8 makes 127.0.0.1 work and
 * nothing else of the /8.
 */
function loopbacks(vrf: Vrf, stubs: readonly string[]): readonly Finding[] {
  const wanted = [...new Set(['127.0.0.1', '::1', ...stubs])];
  return wanted.map(address => {
    const ok = hasAddress(vrf.addresses, address);
    const length = address.includes(':') ? '128 nodad' : address === '127.0.0.1' ? '8' : '32';
    const stub = stubs.includes(address) ? ', which /etc/resolv.conf names,' : '';
    return {
      check: 'loopback',
      ok,
      text: `${address}${stub} is ${ok ? '' : 'not '}an address of ${vrf.name}`,
      ...hint(!ok, `ip address add ${address}/${length} dev ${vrf.name}`),
    };
  });
}

export function hasAddress(addresses: readonly WorldAddress[], address: string): boolean {
  return addresses.some(({ text }) => text === address);
}

/** `error` is why a process that was put into the VRF is not in it. */
export function verifyProcess(vrf: Vrf, error: string | undefined): Finding {
  if (error === undefined)
    return { check: 'process', ok: true, text: `a process in ${vrf.name} is bound to it` };
  return { check: 'process', ok: false, text: error };
}

/** The program at a cgroup has the number of the VRF's device in it, and a VRF that is made again gets another. */
export function verifyCgroups(vrf: Vrf, cgroups: readonly CgroupDevice[]): readonly Finding[] {
  const stale = cgroups.filter(({ device }) => device !== vrf.name);
  if (stale.length === 0) {
    return [{ check: 'cgroup', ok: true, text: `${cgroups.length} cgroups bind to ${vrf.name}` }];
  }
  return stale.map(({ path, device, processes }) => {
    const restart =
      processes === 0 ? '' : `, and restart its ${processes} processes, whose sockets stay as they are`;
    const how = device.startsWith('!')
      ? `a device that is gone (${device.slice(1)})`
      : device === ''
        ? 'nothing'
        : device;
    return {
      check: 'cgroup',
      ok: false,
      text: `${path} binds to ${how}`,
      hint: `vmnet vrf verify ${vrf.name} --repair${restart}`,
    };
  });
}

export function verifyGateways(answers: readonly GatewayAnswer[]): readonly Finding[] {
  return answers.map(({ family, gateway, dev, mac, unasked }) => {
    const asked = family === 4 ? 'ARP' : 'neighbour discovery';
    const said = mac === undefined ? `does not answer ${asked}` : `answers ${asked} as ${mac}`;
    return {
      check: 'gateway',
      ok: mac !== undefined,
      text: `${gateway} on ${dev} ${unasked === undefined ? said : `was not asked: ${unasked}`}`,
      ...hint(mac === undefined, `look at the cable, the VLAN and the prefix of ${dev}`),
    };
  });
}

/** REFUSED and SERVFAIL come from a server that lives, and that nevertheless resolves nothing. */
export function verifyDns(vrf: Vrf, answers: readonly DnsAnswer[]): readonly Finding[] {
  return answers.map(({ server, answer }) => {
    const ok = answer === 'NOERROR' || answer === 'NXDOMAIN';
    return {
      check: 'dns',
      ok,
      text: `${server} says ${answer} to a query in ${vrf.name}`,
      ...hint(!ok, `vmnet vrf dns ${vrf.name} says what is asked whom`),
    };
  });
}

function hint(wrong: boolean, text: string): { readonly hint?: string } {
  return wrong ? { hint: text } : {};
}
