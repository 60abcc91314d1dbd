/** A socket as `ss` prints it: `ADDRESS%DEVICE:PORT`, without the device where it is bound to none. */
export interface SocketRow {
  readonly local: string;
  readonly device?: string;
  readonly processes: readonly { readonly name: string; readonly pid: number }[];
}

/** Lines of `ss -Hnp` with -l or without, TCP, UDP or both. */
export function readSockets(text: string): readonly SocketRow[] {
  return text.split('\n').flatMap(line => {
    const local = line.split(/\s+/).find(word => /:(\d+|\*)$/.test(word));
    if (local === undefined) return [];
    const device = /%([^:\]]+)\]?:[^:]*$/.exec(local)?.[1];
    const processes = [...line.matchAll(/\("((?:[^"\\]|\\.)*)",pid=(\d+)/g)];
    return [
      {
        local,
        ...(device === undefined ? {} : { device }),
        processes: processes.map(([, name = '', pid]) => ({ name, pid: Number(pid) })),
      },
    ];
  });
}

/** The VRF that the connection of a process came in by: its accepted socket is bound to it. */
export function vrfOfConnection(
  sockets: readonly SocketRow[],
  pid: number,
  vrfs: readonly string[],
): string | undefined {
  const own = sockets.filter(({ processes }) => processes.some(one => one.pid === pid));
  return own.map(({ device }) => device).find(device => device !== undefined && vrfs.includes(device));
}

/** The sockets of these processes. */
export function socketsOf(sockets: readonly SocketRow[], pids: readonly number[]): readonly SocketRow[] {
  return sockets.filter(({ processes }) => processes.some(({ pid }) => pids.includes(pid)));
}
