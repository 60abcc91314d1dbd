import type { Ifname } from '../model/ifname.ts';

/** The two switches by which systemd-networkd leaves alone what others have made. */
const SWITCHES = ['ManageForeignRoutes', 'ManageForeignRoutingPolicyRules'];

/** Whether networkd.conf and its drop-ins, in the order in which they are read, have both off; a later one wins. */
export function leavesForeignAlone(texts: readonly string[]): boolean {
  const values = new Map<string, string>();
  for (const line of texts.flatMap(text => text.split('\n'))) {
    const [, key, value] = /^[ \t]*([A-Za-z]+)[ \t]*=[ \t]*(\S*)[ \t]*$/.exec(line) ?? [];
    if (key !== undefined) values.set(key, value ?? '');
  }
  return SWITCHES.every(key => /^(no|n|false|f|off|0)$/i.test(values.get(key) ?? ''));
}

export const LEAVE_FOREIGN_ALONE = `# Written by vmnet: else systemd-networkd deletes routes and rules of VRFs.
[Network]
${SWITCHES.map(key => `${key}=no`).join('\n')}
`;

/** The first line of each file about one VRF: without it, a file is somebody else's. */
export const NETWORKD_MARK = '# Written by vmnet; vmnet vrf down takes it away.';

/**
 * A VRF as systemd-networkd is told of it; the ports are those that it manages, each with its .network file. `routers` are
 * the families whose default route networkd may make.
 */
export interface NetworkdVrf {
  readonly name: Ifname;
  readonly table: number;
  readonly routers: { readonly 4: boolean; readonly 6: boolean };
  readonly scope: 'full' | 'lan';
  readonly ports: readonly { readonly name: Ifname; readonly file: string }[];
}

export const DIRECTORY = '/etc/systemd/network';

/** What has to be in which file: nothing where networkd manages no port. */
export function networkdFiles(vrfs: readonly NetworkdVrf[]): ReadonlyMap<string, string> {
  return new Map(
    vrfs
      .filter(({ ports }) => ports.length > 0)
      .flatMap(vrf => [
        [netdevPath(vrf.name), netdevText(vrf)] as const,
        [`${DIRECTORY}/05-vmnet-${vrf.name}.network`, unmanagedText(vrf)] as const,
        ...vrf.ports.map(({ file }) => [dropInPath(file), portText(vrf)] as const),
      ]),
  );
}

export function netdevPath(vrf: string): string {
  return `${DIRECTORY}/05-vmnet-${vrf}.netdev`;
}

/** A drop-in below /etc counts for files below /run and /usr as well. */
export function dropInPath(file: string): string {
  return `${DIRECTORY}/${file.split('/').at(-1)}.d/50-vmnet-vrf.conf`;
}

/**
 * A link that joins a VRF is set down and up, and networkd would take its addresses away and ask for a lease anew. Before
 * version 251 it knows no time here: the second line is not understood then, and the first one stands.
 */
export const CALM_TEXT = `${NETWORKD_MARK}
[Network]
IgnoreCarrierLoss=yes
IgnoreCarrierLoss=10s
`;

function netdevText({ name, table }: NetworkdVrf): string {
  return `${NETWORKD_MARK}\n[NetDev]\nName=${name}\nKind=vrf\n[VRF]\nTable=${table}\n`;
}

/** What vmnet puts on the VRF's own device is none of networkd's business. */
function unmanagedText({ name }: NetworkdVrf): string {
  return `${NETWORKD_MARK}\n[Match]\nName=${name}\n[Link]\nUnmanaged=yes\n`;
}

/** With VRF=, all routes of the port that networkd makes are in the VRF's table, those of leases, too. */
function portText({ name, routers, scope }: NetworkdVrf): string {
  const lan = scope === 'lan';
  return [
    `${CALM_TEXT}VRF=${name}`,
    ...(routers[4] && !lan ? [] : ['[DHCPv4]', 'UseGateway=no']),
    ...(lan ? ['UseRoutes=no'] : []),
    ...(routers[6] && !lan ? [] : ['[IPv6AcceptRA]', 'UseGateway=no']),
    '',
  ].join('\n');
}

/** Name and table of the VRF of a .netdev file of ours. */
export function netdevOf(text: string): { readonly name: string; readonly table: number } | undefined {
  const [, name] = /^Name=(.*)$/m.exec(text) ?? [];
  const [, table] = /^Table=(\d+)$/m.exec(text) ?? [];
  return name === undefined || table === undefined ? undefined : { name, table: Number(table) };
}

/** The VRF that a file of ours is about: none where it has a port only calm. */
export function vrfOf(text: string): string | undefined {
  const [, name] = /^(?:Name|VRF)=(.*)$/m.exec(text) ?? [];
  return name;
}

/** Whether the administrator has put the port into a VRF already. */
export function namesVrf(text: string): boolean {
  return /^[ \t]*VRF[ \t]*=[ \t]*\S/m.test(text);
}

/** Whether a file has a route to a router, whatever its section. No later file takes it out again. */
export function leadsOut(text: string): boolean {
  return /^[ \t]*Gateway[ \t]*=[ \t]*\S/m.test(text);
}
