import { quoted, VmnetError } from '../errors.ts';
import type { Config, NetworkSection } from '../model/config.ts';
import type { NicMode, NicRequest } from '../model/request.ts';
import { findNetwork } from './find-network.ts';
import { requestFromGanetiEnv } from './ganeti-nic.ts';
import { pick } from './pick.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** Tags of a network in the cluster that only one kind of network has. */
const TAGS: Readonly<Record<string, NicMode>> = {
  'ip-less-routed': 'routed',
  'private-filtered': 'bridged',
  'physical-vlan': 'bridged',
};

/**
 * A request for a NIC of Ganeti's mode `ext`, which says only that the scripts know better: whether it is routed or
 * bridged is what the configuration says of its network.
 */
export function requestFromGanetiExtEnv(env: Env, config: Config): NicRequest {
  const named = sectionOf(env, config, 'NETWORK_NAME');
  const section = named ?? sectionOf(env, config, 'LINK');
  const mode = modeOf(env, section, config);
  // Ganeti fills in the cluster's link for whom it has none, and makes nothing of it in this mode.
  const link = named?.link ?? env.LINK;
  return requestFromGanetiEnv({ ...env, MODE: mode, LINK: link });
}

function sectionOf(env: Env, config: Config, variable: 'NETWORK_NAME' | 'LINK'): NetworkSection | undefined {
  const text = env[variable] ?? '';
  if (text === '') return undefined;
  if (variable === 'NETWORK_NAME') return findNetwork(config, { name: text });
  const all = config.networks.filter(network => network.link === text);
  if (new Set(all.map(({ mode }) => mode)).size <= 1) return all[0];
  throw undecided(env, `${all.map(({ name }) => name).join(' and ')} both have the link ${quoted(text)}`);
}

function modeOf(env: Env, section: NetworkSection | undefined, config: Config): NicMode {
  if (section?.mode !== undefined) return section.mode;
  const tags = (env.NETWORK_TAGS ?? '').split(' ');
  const link = section?.link ?? env.LINK;
  const said = new Set([
    ...tags.flatMap(tag => (Object.hasOwn(TAGS, tag) ? (TAGS[tag] ?? []) : [])),
    ...(config.bridges.some(bridge => bridge.name === link) ? (['bridged'] as const) : []),
  ]);
  const [mode, other] = said;
  if (mode !== undefined && other === undefined) return mode;
  if (other !== undefined)
    throw undecided(env, 'what its network is called and its tags contradict each other');
  const named = pick({ network: env.NETWORK_NAME, link: env.LINK });
  const words = Object.entries(named).map(([what, text]) => `${what} ${quoted(text)}`);
  throw undecided(
    env,
    `nothing says of ${words.join(' or ') || 'a NIC without network and link'} which it is`,
  );
}

function undecided(env: Env, what: string): VmnetError {
  return new VmnetError('request', `a NIC of mode ext is routed or bridged, and ${what}`, {
    where: `${env.INSTANCE ?? ''} ${env.INTERFACE ?? ''}`.trim(),
    hint: 'give its network a section [network NAME] with mode = in the configuration of vmnet',
  });
}
