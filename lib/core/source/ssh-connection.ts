import { VmnetError } from '../errors.ts';
import { type Address, parseAddress } from '../model/address.ts';
import type { Connection } from '../verify/connection.ts';

/** `CLIENT PORT SERVER PORT`, as sshd sets SSH_CONNECTION; undefined where that is no connection over IP. */
export function parseSshConnection(text: string | undefined): Connection | undefined {
  const [client, , server] = (text ?? '').split(' ');
  if (client === undefined || server === undefined) return undefined;
  try {
    return { client: bare(client), server: bare(server) };
  } catch (thrown) {
    if (thrown instanceof VmnetError) return undefined;
    throw thrown;
  }
}

/** sshd that listens on :: writes IPv4 as ::ffff:192.0.2.1, and link-local addresses with their link. */
function bare(text: string): Address {
  return parseAddress(text.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, ''), 'SSH_CONNECTION');
}
