import { FAMILIES } from '../model/address.ts';
import type { Ifname } from '../model/ifname.ts';
import type { LinkFacts } from '../observed/query.ts';
import { isLastResort, keyOf, lostInVrf, reachOf } from './routes.ts';
import { type ImportedSection, kindOf, portProblem, portsOf, type Scene } from './scene.ts';

type Keys = ImportedSection['keys'];

const DEFAULT_MTU = 1500;

/** The section of one link. */
export function sectionOf(facts: LinkFacts, scene: Scene): ImportedSection {
  const { ifname } = facts;
  const kind = kindOf(facts, scene) ?? 'bridge';
  const reach = reachOf(ifname, scene);
  const mtu = mtuOf(facts, scene);
  return {
    kind,
    name: ifname,
    keys: [...ownKeys(kind, facts, scene), ...mtu.keys, ...reach.keys],
    notes: [
      ...mtu.notes,
      ...portNotes(ifname, scene),
      ...reach.notes,
      ...(kind === 'vrf' ? lostInVrf(ifname, scene) : []),
      ...vlanNotes(facts, scene),
    ],
  };
}

function ownKeys(kind: ImportedSection['kind'], facts: LinkFacts, scene: Scene): Keys {
  const { ifname } = facts;
  if (kind === 'bond') return bondKeys(ifname, scene);
  if (kind === 'vlan') return vlanKeys(ifname, scene);
  if (kind === 'vrf') return vrfKeys(ifname, scene);
  return kind === 'ovs' ? ovsKeys(ifname, scene) : bridgeKeys(facts, scene);
}

/** One of its ports leads out; others stay where they are without a word. */
function ovsKeys(name: Ifname, scene: Scene): Keys {
  const [uplink] = scene.ports(name);
  const port = scene.ovsPort(uplink ?? '');
  if (port === undefined) return [];
  const { vlanMode, tag, trunks } = port;
  // Without a mode, one with a tag is an access port, and another a trunk.
  const mode = vlanMode ?? (tag === undefined ? 'trunk' : 'access');
  return [
    ...keyOf('uplink', uplink),
    ...keyOf('tag', mode === 'trunk' || tag === 0 ? undefined : tag?.toString()),
    ...keyOf('trunks', mode === 'access' ? undefined : trunks.filter(id => id !== tag).join(' ')),
  ];
}

function portKeys(name: string, scene: Scene): Keys {
  return keyOf('ports', scene.ports(name).join(' '));
}

/** Ports that are left out, and why. */
function portNotes(name: string, scene: Scene): readonly string[] {
  const [first] = scene.ports(name);
  const isSwitch = scene.ovsPort(first ?? '') !== undefined;
  return portsOf(name, scene).flatMap(port => {
    const other = isSwitch && port !== first ? 'it is beside the uplink' : undefined;
    const why = portProblem(port, scene, scene.unfit) ?? other;
    return why === undefined ? [] : [`not said: port ${port}, ${why}`];
  });
}

function bondKeys(name: Ifname, scene: Scene): Keys {
  const mode = scene.link(name)?.mode ?? '';
  const setting = (key: string): string | undefined => scene.setting(name, key);
  const primary = setting('primary');
  const policy = setting('xmit_hash_policy');
  const is8023ad = mode === '802.3ad';
  return [
    ['mode', mode],
    ...portKeys(name, scene),
    ...keyOf('primary', primary === 'none' ? undefined : primary),
    ...keyOf('xmit-hash-policy', is8023ad || policy !== 'layer2' ? policy : undefined),
    ...(is8023ad
      ? [...keyOf('lacp-rate', setting('lacp_rate')), ...keyOf('min-links', setting('min_links'))]
      : []),
    ...keyOf('miimon', setting('miimon')),
  ];
}

function vlanKeys(name: Ifname, scene: Scene): Keys {
  const link = scene.link(name);
  return [...keyOf('parent', link?.parent), ...keyOf('id', String(link?.id))];
}

function bridgeKeys({ ifname, mac }: LinkFacts, scene: Scene): Keys {
  const setting = (key: string): string => scene.setting(ifname, key) ?? '';
  const snooping = setting('mcast_snooping');
  const querier = setting('mcast_querier');
  const [first] = scene.ports(ifname);
  const pinned = setting('own-mac');
  const ownMac =
    pinned === 'adopted' ? 'adopted' : scene.links.get(first ?? '')?.mac === mac ? undefined : mac;
  const delay = Number(setting('forward_delay')) / 100;
  return [
    ...portKeys(ifname, scene),
    ...keyOf('mac', ownMac),
    ...(setting('stp_state') === '0' ? [] : keyOf('stp', 'yes')),
    ...keyOf('forward-delay', delay === 0 ? undefined : String(delay)),
    ...keyOf('multicast-snooping', snooping === '1' ? 'yes' : undefined),
    ...keyOf('multicast-querier', querier === snooping ? undefined : querier === '1' ? 'yes' : 'no'),
    ...(setting('vlan_filtering') === '1'
      ? ([
          ['vlan-aware', 'yes'],
          ...keyOf('default-pvid', setting('vlan_default_pvid').replace(/^0$/, '')),
        ] as const)
      : []),
  ];
}

function vrfKeys(name: Ifname, scene: Scene): Keys {
  const table = scene.link(name)?.table ?? 0;
  const closed = FAMILIES.every(family =>
    scene.allRoutes.some(
      route => route.table === table && route.prefix.family === family && isLastResort(route),
    ),
  );
  return [['table', String(table)], ...(closed ? [] : keyOf('unreachable', 'no')), ...portKeys(name, scene)];
}

/** What a link has without a word, and what the file would make of its ports with one. */
function mtuOf(facts: LinkFacts, scene: Scene): { readonly keys: Keys; readonly notes: readonly string[] } {
  const { ifname, type } = facts;
  if (type === 'vrf') return { keys: [], notes: [] };
  const asked = scene.ovsMtu(ifname);
  const mtu = asked ?? facts.mtu;
  if (kindOf(facts, scene) === 'ovs' && asked === undefined) return { keys: [], notes: [] };
  const mtus = scene.ports(ifname).map(port => scene.links.get(port)?.mtu ?? 0);
  const parent = scene.links.get(facts.parent ?? '')?.mtu;
  const natural = type === 'vlan' ? parent : DEFAULT_MTU;
  const fits = type === 'vlan' ? mtu <= (parent ?? 0) : mtus.every(other => other === mtu);
  if (mtu === natural && (fits || mtus.every(other => other >= mtu))) return { keys: [], notes: [] };
  return fits
    ? { keys: keyOf('mtu', String(mtu)), notes: [] }
    : { keys: [], notes: [`not said: mtu ${mtu}, which not all of its ports have`] };
}

/** Which VLANs the ports of a VLAN-aware bridge are in. */
function vlanNotes({ ifname, bridgeVlans }: LinkFacts, scene: Scene): readonly string[] {
  if (bridgeVlans?.filtering !== true) return [];
  const protocol =
    bridgeVlans.protocol === '802.1Q' ? [] : [`not said: VLAN protocol ${bridgeVlans.protocol}`];
  const lines = [ifname, ...scene.ports(ifname)].flatMap(port => {
    const vlans = vlansOf(port, scene);
    return vlans === '' ? [] : [`not said: ${port} is in VLANs ${vlans}`];
  });
  return [...protocol, ...lines];
}

/** `10 20-29 30(pvid untagged)`, without the bridge's own default. */
function vlansOf(port: string, scene: Scene): string {
  return scene.observed.objects
    .flatMap(object => (object.kind === 'bridge-vlan' && object.ifname === port ? [object] : []))
    .map(({ id, pvid, untagged }) => `${id}${pvid ? ' pvid' : ''}${untagged ? ' untagged' : ''}`)
    .join(', ');
}
