import type { Ifname } from '../model/ifname.ts';
import { listenLines, type SshdFacts } from './sshd.ts';
import { escapeUnit } from './unit-name.ts';

/** A file that a service needs to run in a VRF. */
export interface ServiceFile {
  readonly path: string;
  readonly text: string;
}

/** What the host's init is, and where its things are. */
export interface InitFacts {
  readonly init: 'systemd' | 'openrc';
  /** Of systemd; 0 with OpenRC. */
  readonly version: number;
  /** The path of vmnet itself, for units. */
  readonly vmnet: string;
  /** Services that systemd starts at the first connection, by the socket units that do so. */
  readonly sockets: ReadonlyMap<string, string>;
  readonly sshd: SshdFacts;
}

export interface ServicesPlan {
  readonly files: readonly ServiceFile[];
  /** What has to be known or done besides, in lines for people. */
  readonly notes: readonly string[];
}

/** The first line of every file of ours; without it, a file is somebody else's. */
export function markOf(vrf: Ifname): string {
  return `# Written by vmnet vrf services ${vrf} --apply, and removed by --remove.`;
}

/** The first systemd with BindNetworkInterface=. */
const NATIVE = 260;

const UNITS = '/etc/systemd/system';

/** What each service of `services =` needs. One in the default VRF stays there, but for sshd, which listens in both. */
export function servicesPlan(vrf: Ifname, services: readonly string[], facts: InitFacts): ServicesPlan {
  const plans = services.map(service => planOf(vrf, service, facts));
  return { files: plans.flatMap(({ files }) => files), notes: plans.flatMap(({ notes }) => notes) };
}

function planOf(vrf: Ifname, service: string, facts: InitFacts): ServicesPlan {
  const name = service.replace(/\.service$/, '');
  const socket = name.endsWith('.socket') ? name : socketOf(name, facts);
  if (isSshd(name))
    return socket === undefined ? sshd(vrf, name, facts) : sshdSocket(vrf, socket, facts.sshd.ports);
  if (facts.init === 'openrc') return openrc(vrf, name);
  const files = [
    ...(socket === undefined ? [] : [dropIn(vrf, socket, [...LATE, '', '[Socket]', `BindToDevice=${vrf}`])]),
    ...(name.endsWith('.socket') ? [] : [dropIn(vrf, `${name}.service`, serviceLines(vrf, facts))]),
  ];
  return { files, notes: [] };
}

/** On Debian sshd is another name of ssh. */
function socketOf(name: string, { sockets }: InitFacts): string | undefined {
  return sockets.get(name) ?? (name === 'sshd' ? sockets.get('ssh') : undefined);
}

function isSshd(name: string): boolean {
  return ['ssh', 'sshd', 'ssh.socket', 'sshd.socket'].includes(name);
}

/**
 * Before BindNetworkInterface=, the cgroup of the unit is bound before its program starts. An `ip vrf exec` before the
 * program would fail where the unit has a User=, a CapabilityBoundingSet=, a SystemCallFilter= or ProtectControlGroups=.
 */
function serviceLines(vrf: Ifname, { version, vmnet }: InitFacts): readonly string[] {
  const bind =
    version >= NATIVE ? `BindNetworkInterface=${vrf}` : `ExecStartPre=+${vmnet} vrf enter ${vrf} --unit`;
  return ['', '[Service]', bind];
}

function dropIn(vrf: Ifname, unit: string, lines: readonly string[]): ServiceFile {
  return unitFile(vrf, `${UNITS}/${unit}.d/50-vmnet-vrf.conf`, lines);
}

/**
 * For sockets, in [Unit]: by default all of them come before sockets.target, and that before vmnet-host.service, which
 * makes the VRF that these wait for.
 */
const LATE = ['DefaultDependencies=no', 'Conflicts=shutdown.target', 'Before=shutdown.target'];

/** A unit that needs the VRF waits for its device, so that it does not fail at boot. */
function unitFile(vrf: Ifname, path: string, lines: readonly string[]): ServiceFile {
  const device = `sys-subsystem-net-devices-${escapeUnit(vrf)}.device`;
  const text = [markOf(vrf), '[Unit]', `Wants=${device}`, `After=${device}`, ...lines, ''].join('\n');
  return { path, text };
}

/** sshd takes a VRF for each of its listening sockets; its RDomain is not for Linux. */
function sshd(vrf: Ifname, name: string, facts: InitFacts): ServicesPlan {
  if (!facts.sshd.includes) {
    const lines = listenLines(vrf, facts.sshd).join('; ');
    return { files: [], notes: [`sshd_config includes no sshd_config.d/*.conf; add there: ${lines}`] };
  }
  const path = `/etc/ssh/sshd_config.d/50-vmnet-vrf-${vrf}.conf`;
  const text = [markOf(vrf), ...listenLines(vrf, facts.sshd), ''].join('\n');
  if (facts.init === 'openrc') return { files: [{ path, text }], notes: [] };
  // Where the VRF is missing, sshd goes on with the sockets that it got; at boot it has to be there before.
  return { files: [{ path, text }, dropIn(vrf, `${name}.service`, [])], notes: [] };
}

/** The socket of the default VRF stays; the service gets one more. */
function sshdSocket(vrf: Ifname, socket: string, ports: readonly number[]): ServicesPlan {
  const service = socket.replace(/\.socket$/, '');
  const unit = `vmnet-${service}-${vrf}.socket`;
  const lines = [
    ...LATE,
    '',
    '[Socket]',
    ...ports.map(port => `ListenStream=${port}`),
    `BindToDevice=${vrf}`,
    `Service=${service}.service`,
    '',
    '[Install]',
    'WantedBy=multi-user.target',
  ];
  return {
    files: [unitFile(vrf, `${UNITS}/${unit}`, lines)],
    notes: [`${socket} starts ${service}: systemctl enable --now ${unit} makes it listen in ${vrf} too`],
  };
}

/** conf.d has one file a service: where there is one, it is the administrator's, who then has to add the line. */
function openrc(vrf: Ifname, name: string): ServicesPlan {
  return { files: [{ path: `/etc/conf.d/${name}`, text: `${markOf(vrf)}\nvrf="${vrf}"\n` }], notes: [] };
}

/** What has to be done with one file. */
export interface FileStep {
  readonly action: 'write' | 'keep' | 'remove' | 'foreign';
  readonly path: string;
  /** Of `write` what is written, and of `foreign` what would be. */
  readonly text?: string;
}

/**
 * `present` are the files that are there now: wanted ones, and others with our mark. A file without our mark, or with
 * that of another VRF, is left alone.
 */
export function fileSteps(
  vrf: Ifname,
  wanted: readonly ServiceFile[],
  present: ReadonlyMap<string, string>,
): readonly FileStep[] {
  const isOurs = (text: string) => text.split('\n', 1)[0] === markOf(vrf);
  const steps = wanted.map(({ path, text }): FileStep => {
    const there = present.get(path);
    if (there === text) return { action: 'keep', path };
    return { action: there === undefined || isOurs(there) ? 'write' : 'foreign', path, text };
  });
  const stale = [...present].filter(
    ([path, text]) => isOurs(text) && !wanted.some(file => file.path === path),
  );
  return [...steps, ...stale.map(([path]): FileStep => ({ action: 'remove', path }))];
}
