import { quoted, VmnetError } from '../errors.ts';
import { parseAddress } from '../model/address.ts';
import type { Config, NetworkSection } from '../model/config.ts';
import { parseIfname } from '../model/ifname.ts';
import { parseMac } from '../model/mac.ts';
import type { NicMode, NicRequest } from '../model/request.ts';
import { findNetwork } from './find-network.ts';
import { pick } from './pick.ts';
import { parseInstance, parseLink, parseMode, parseTag, parseVlan, parseWord } from './request-words.ts';
import { nearest } from './suggest.ts';

/** The arguments of `vmnet attach`, as they were typed. */
export interface AttachFlags {
  readonly tap: string;
  readonly network?: string;
  readonly mode?: string;
  readonly link?: string;
  readonly mac?: string;
  readonly ip?: readonly string[];
  readonly vlan?: string;
  readonly instance?: string;
  readonly tag?: readonly string[];
}

/** A request by hand; the mode and the link may come from the network's section. */
export function requestFromFlags(flags: AttachFlags, config: Config): NicRequest {
  const ifname = parseIfname(flags.tap, 'TAP');
  const name = given(flags.network, text => parseWord(text, '--network', 'network'));
  const asked = given(flags.mode, text => parseMode(text, '--mode'));
  const section = findNetwork(config, pick({ name, link: flags.link, mode: asked }));
  if (name !== undefined && section === undefined && flags.link === undefined)
    throw unknownNetwork(name, config);
  const mode = modeOf(flags, asked, section, config);
  const where = flags.link === undefined && section !== undefined ? section.where : '--link';
  const link = given(flags.link ?? section?.link, text => parseLink(text, mode, where));
  if (mode === 'routed' && section?.name === name) checkTable(flags.link, section);
  return {
    ifname,
    mode,
    ...pick({
      instance: given(flags.instance, text => parseInstance(text, '--instance')),
      mac: given(flags.mac, text => parseMac(text, '--mac')),
      link,
      vlan: given(flags.vlan, text => parseVlan(text, '--vlan')),
    }),
    addresses: unique(
      (flags.ip ?? []).map(text => parseAddress(text, '--ip')),
      address => address.text,
    ),
    tags: unique(
      (flags.tag ?? []).map(text => parseTag(text, '--tag')),
      tag => tag,
    ),
    network: pick({ name }),
  };
}

function modeOf(
  flags: AttachFlags,
  asked: NicMode | undefined,
  section: NetworkSection | undefined,
  config: Config,
): NicMode {
  if (asked !== undefined && section?.mode !== undefined && section.mode !== asked) {
    throw new VmnetError('request', `network ${section.name} is ${section.mode} at ${section.where}`, {
      where: '--mode',
      hint: 'leave --mode out, or give another --network',
    });
  }
  if (asked !== undefined) return asked;
  if (section?.mode !== undefined) return section.mode;
  const link = flags.link ?? section?.link;
  if (config.bridges.some(bridge => bridge.name === link)) return 'bridged';
  if (flags.network !== undefined || (flags.ip ?? []).length > 0) return 'routed';
  throw new VmnetError('request', 'nothing tells whether the NIC is routed or bridged', {
    where: quoted(flags.tap),
    hint: 'give --mode routed, --mode bridged or --mode openvswitch',
  });
}

/** What the section says of the table wins, so another one would have no effect. */
function checkTable(link: string | undefined, section: NetworkSection | undefined): void {
  if (link === undefined || section === undefined) return;
  const known = pick({ link: section.link, table: section.table ?? section.table6 });
  const names = Object.values(known);
  if (names.length === 0 || names.includes(link)) return;
  const said = Object.entries(known).map(([key, value]) => `${key} ${value}`);
  throw new VmnetError('request', `network ${section.name} has ${said.join(' and ')} at ${section.where}`, {
    where: '--link',
    hint: 'leave --link out, or --network',
  });
}

function unknownNetwork(name: string, config: Config): VmnetError {
  const known = config.networks.map(network => network.name);
  const near = nearest(name, known);
  const list = known.length === 0 ? 'the configuration has none' : `known: ${known.join(', ')}`;
  return new VmnetError('request', `there is no network ${quoted(name)}`, {
    where: '--network',
    hint: near === undefined ? `${list}; add a section, or give --link` : `did you mean ${near}?`,
  });
}

function given<T>(text: string | undefined, parse: (text: string) => T): T | undefined {
  return text === undefined ? undefined : parse(text);
}

function unique<T>(items: readonly T[], keyOf: (item: T) => string): readonly T[] {
  return [...new Map(items.map(item => [keyOf(item), item])).values()];
}
