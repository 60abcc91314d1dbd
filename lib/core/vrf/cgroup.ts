/**
 * The VRF that `ip vrf exec` has put a process into, from the text of /proc/PID/cgroup: the last part of the path
 * .../vrf/NAME of the unified hierarchy. What systemd binds by BindNetworkInterface= is in no such cgroup.
 */
export function vrfOfCgroup(text: string): string | undefined {
  const path = unifiedPath(text);
  return path === undefined ? undefined : /(?:^|\/)vrf\/([^/]+)(?:\/|$)/.exec(path)?.[1];
}

/** The path of the unified hierarchy in the text of /proc/PID/cgroup; absent where only version 1 is mounted. */
export function unifiedPath(text: string): string | undefined {
  return /^0::(\/.*)$/m.exec(text)?.[1];
}

/** Where cgroup2 is mounted, from the text of /proc/self/mounts: the last mount is the one that is seen. */
export function cgroupMount(mounts: string): string | undefined {
  const found = mounts.split('\n').filter(line => line.split(' ')[2] === 'cgroup2');
  return found.at(-1)?.split(' ')[1];
}

/**
 * Whether a cgroup .../vrf/NAME belongs to this network namespace. iproute2 puts NETNS-ns before vrf/ in namespaces with
 * a name (as of `ip netns`), and nothing elsewhere.
 */
export function isOfNamespace(path: string, netns: string | undefined): boolean {
  const [, before = ''] = /([^/]*)\/vrf\/[^/]+$/.exec(path) ?? [];
  return netns === undefined ? !before.endsWith('-ns') : before === `${netns}-ns`;
}
