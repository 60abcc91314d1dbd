// Requests and surroundings for the tests of what is looked up.
import assert from 'node:assert/strict';
import { formatError, VmnetError } from '../../lib/core/errors.ts';
import { defaultPrefix, type Family, parseAddress, parsePrefix } from '../../lib/core/model/address.ts';
import { parseIfname } from '../../lib/core/model/ifname.ts';
import { parseMac } from '../../lib/core/model/mac.ts';
import type { Route } from '../../lib/core/model/object.ts';
import type { NetworkFacts, NicRequest } from '../../lib/core/model/request.ts';
import { parseConfig } from '../../lib/core/source/config.ts';
import { parseRtTables } from '../../lib/core/source/rt-tables.ts';

const at = 'test';
export const MAC = parseMac('aa:00:00:35:6d:05', at);
export const EUI64 = '2001:db8:993:0:a800:ff:fe35:6d05';
const rtTables = parseRtTables(['993 public\n']);

export function request(more: Partial<NicRequest>, ips: readonly string[] = []): NicRequest {
  const addresses = ips.map(text => parseAddress(text, at));
  return { ifname: parseIfname('tap0', at), mode: 'routed', tags: [], network: {}, ...more, addresses };
}

export function surroundings(ini: string, routes: readonly Route[] = []) {
  return { config: parseConfig([{ path: 'vmnet.ini', text: ini }], rtTables), rtTables, routes };
}

export function viaDefault(family: Family, table: number, dev: string): Route {
  const via = parseAddress(family === 4 ? '192.0.2.1' : '2001:db8:993::1', at);
  const base = { kind: 'route', type: 'unicast', metric: 0, protocol: 3 } as const;
  return { ...base, table, prefix: defaultPrefix(family), dev: parseIfname(dev, at), via };
}

export function refuses(message: RegExp, run: () => unknown): void {
  assert.throws(run, (error: unknown) => {
    assert.ok(error instanceof VmnetError);
    assert.equal(error.exit, 'request');
    assert.match(formatError(error), message);
    return true;
  });
}

export const facts: NetworkFacts = {
  subnet: parsePrefix('192.0.2.0/24', at),
  gateway: parseAddress('192.0.2.1', at),
  subnet6: parsePrefix('2001:db8:993::/64', at),
  gateway6: parseAddress('2001:db8:993::1', at),
};

export const PUBLIC = `
[network public]
link = public_993
table = 993
uplink = up0
subnet = 192.0.2.0/24
gateway = 192.0.2.1
arp-source = 192.0.2.254
subnet6 = 2001:db8:993::/64
gateway6 = 2001:db8:993::1
`;
