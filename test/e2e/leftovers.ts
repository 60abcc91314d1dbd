// What a cluster has left on this machine after its end.
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { namespaces } from '../support/datacentre.ts';
import type { Cluster } from './cluster.ts';

const KINDS = ['mnt', 'net', 'pid', 'uts', 'ipc'] as const;

/** Namespaces that the cluster has, and this process has not. To be asked for while it runs. */
export function namespacesOf(cluster: Cluster): ReadonlySet<string> {
  const own = new Set(linksOf('self'));
  const all = cluster.machines.flatMap(({ pid }) => linksOf(String(pid)));
  return new Set(all.filter(link => !own.has(link)));
}

/** Processes, mounts, namespaces and files, in words. */
export function leftovers(cluster: Cluster, theirs: ReadonlySet<string>): readonly string[] {
  const processes = readdirSync('/proc')
    .filter(name => /^\d+$/.test(name) && linksOf(name).some(link => theirs.has(link)))
    .map(pid => `process ${pid}`);
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter(line => line.includes(cluster.work));
  const networks = namespaces().filter(name => name.startsWith(cluster.datacentre.prefix));
  return [...processes, ...mounts, ...networks, ...(existsSync(cluster.work) ? [cluster.work] : [])];
}

function linksOf(pid: string): readonly string[] {
  return KINDS.flatMap(kind => {
    try {
      return [readlinkSync(`/proc/${pid}/ns/${kind}`)];
    } catch {
      // It has ended since.
      return [];
    }
  });
}
