import { parseMac } from '../model/mac.ts';
import {
  type NetworkFacts,
  NIC_MODES,
  NIC_PHASES,
  type NicIdentity,
  type NicRequest,
} from '../model/request.ts';
import { fields, type Json, list, oneOf, present, text, whole } from './json.ts';
import { recordedMacPrefix } from './record-policy.ts';
import { address, ifname, prefix, recordedVlan } from './record-values.ts';

/** What somebody said about the NIC, as a record keeps it. */
export function recordedRequest(json: Json): NicRequest {
  const row = fields<NicRequest>(json, 'request', {
    ifname: 'needed',
    mode: 'needed',
    instance: 'optional',
    mac: 'optional',
    addresses: 'needed',
    link: 'optional',
    vlan: 'optional',
    tags: 'needed',
    network: 'needed',
    nic: 'optional',
    phase: 'optional',
  });
  return {
    ifname: ifname(row.ifname, 'request.ifname'),
    mode: oneOf(row.mode, 'request.mode', NIC_MODES),
    ...present('instance', row.instance, one => text(one, 'request.instance')),
    ...present('mac', row.mac, one => parseMac(text(one, 'request.mac'), 'request.mac')),
    addresses: list(row.addresses, 'request.addresses', (one, at) => address(one, at)),
    ...present('link', row.link, one => text(one, 'request.link')),
    ...present('vlan', row.vlan, one => recordedVlan(one, 'request.vlan')),
    tags: list(row.tags, 'request.tags', text),
    network: factsOf(row.network),
    ...present('nic', row.nic, nicOf),
    ...present('phase', row.phase, one => oneOf(one, 'request.phase', NIC_PHASES)),
  };
}

function factsOf(json: Json): NetworkFacts {
  const at = 'request.network';
  const row = fields<NetworkFacts>(json, at, {
    name: 'optional',
    uuid: 'optional',
    subnet: 'optional',
    gateway: 'optional',
    subnet6: 'optional',
    gateway6: 'optional',
    tags: 'optional',
    macPrefix: 'optional',
  });
  return {
    ...present('name', row.name, one => text(one, `${at}.name`)),
    ...present('uuid', row.uuid, one => text(one, `${at}.uuid`)),
    ...present('subnet', row.subnet, one => prefix(one, `${at}.subnet`, 4)),
    ...present('gateway', row.gateway, one => address(one, `${at}.gateway`, 4)),
    ...present('subnet6', row.subnet6, one => prefix(one, `${at}.subnet6`, 6)),
    ...present('gateway6', row.gateway6, one => address(one, `${at}.gateway6`, 6)),
    ...present('tags', row.tags, one => list(one, `${at}.tags`, text)),
    ...present('macPrefix', row.macPrefix, one => recordedMacPrefix(one, `${at}.macPrefix`)),
  };
}

function nicOf(json: Json): NicIdentity {
  const at = 'request.nic';
  const row = fields<NicIdentity>(json, at, { index: 'optional', name: 'optional', uuid: 'optional' });
  return {
    ...present('index', row.index, one => whole(one, `${at}.index`, 0, 9999)),
    ...present('name', row.name, one => text(one, `${at}.name`)),
    ...present('uuid', row.uuid, one => text(one, `${at}.uuid`)),
  };
}
