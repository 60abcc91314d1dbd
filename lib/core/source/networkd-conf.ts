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
