/** A tap between Ganeti and the OS installer inside an instance, which Ganeti sets up itself. */
export function isCommunicationTap(ifname: string): boolean {
  return ifname.startsWith('gnt.com.');
}
