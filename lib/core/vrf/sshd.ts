import type { Ifname } from '../model/ifname.ts';

/** What of sshd's configuration decides where it listens. */
export interface SshdFacts {
  readonly ports: readonly number[];
  /** It has lines ListenAddress of somebody else's; sshd listens everywhere only without any. */
  readonly listens: boolean;
  readonly families: readonly ('0.0.0.0' | '[::]')[];
  /** Whether sshd_config reads sshd_config.d. */
  readonly includes: boolean;
}

/** From the texts of sshd_config and of the files in sshd_config.d, but for ours. Keywords have no case. */
export function sshdFacts(main: string, others: readonly string[]): SshdFacts {
  const lines = [main, ...others].flatMap(text => text.split('\n'));
  const values = (keyword: string) =>
    lines.flatMap(line => new RegExp(`^\\s*${keyword}[\\s=]+(.*?)\\s*$`, 'i').exec(line)?.[1] ?? []);
  const ports = values('Port').map(Number).filter(Number.isInteger);
  const family = values('AddressFamily')[0]?.toLowerCase();
  return {
    ports: ports.length === 0 ? [22] : ports,
    listens: values('ListenAddress').length > 0,
    families: family === 'inet' ? ['0.0.0.0'] : family === 'inet6' ? ['[::]'] : ['0.0.0.0', '[::]'],
    includes: /^\s*Include[\s=].*\/sshd_config\.d\/\*/im.test(main),
  };
}

/** The sockets in the VRF, and those that sshd had before: the first ListenAddress takes them away. */
export function listenLines(vrf: Ifname, { ports, listens, families }: SshdFacts): readonly string[] {
  const everywhere = families.flatMap(address => ports.map(port => `ListenAddress ${address}:${port}`));
  return [...(listens ? [] : everywhere), ...everywhere.map(line => `${line} rdomain ${vrf}`)];
}
