// What a VM may say of IPv6 neighbours: where it is itself, and nothing of routers.
import {
  bytes,
  DESTINATION_OPTIONS,
  type Ends,
  fragment,
  type Header,
  HOP_BY_HOP,
  hex,
  ipv6,
  ROUTING_0,
} from './frame-bytes.ts';
import { drop, type FrameClass, local, pass, type Scene, STRANGER } from './frame-scene.ts';
import {
  advertised,
  advertisedRouter,
  advertisement,
  cut,
  NONCE,
  redirect,
  router,
  routerSolicitation,
  slla,
  solicitation,
  tlla,
  toAllNodes,
} from './neighbour-bytes.ts';

export const SOLICITATION_CLASSES: readonly FrameClass[] = [
  ...own().flatMap(([which, of]) => [
    pass(`duplicate address detection of ${which}`, s => solicitation(unspecified(s), of(s))),
    pass(`duplicate address detection of ${which}, with a nonce`, s =>
      solicitation(unspecified(s), of(s), { options: [NONCE] }),
    ),
    pass(`NS from ${which}`, s =>
      solicitation(from(s, of(s)), s.gateway.ip6, { options: [slla(s.own.mac)] }),
    ),
    pass(`NS from ${which}, without an option`, s => solicitation(from(s, of(s)), s.gateway.ip6)),
    drop(`NS from ${which}, with another MAC as its own`, s =>
      solicitation(from(s, of(s)), s.gateway.ip6, { options: [slla(STRANGER)] }),
    ),
    drop(`NS from ${which}, hop limit 64`, s =>
      solicitation(from(s, of(s)), s.gateway.ip6, { options: [slla(s.own.mac)], hopLimit: 64 }),
    ),
  ]),
  pass('NS to one neighbour, whether it is still there', s =>
    solicitation({ ...unicast(s), to: s.other.ip6 }, s.other.ip6, { options: [slla(s.own.mac)] }),
  ),
  ...others().flatMap(([which, of]) => [
    drop(`duplicate address detection of ${which}`, s => solicitation(unspecified(s), of(s))),
    drop(`duplicate address detection of ${which}, with a nonce`, s =>
      solicitation(unspecified(s), of(s), { options: [NONCE] }),
    ),
    drop(`NS from ${which}`, s => solicitation(from(s, of(s)), s.own.ip6, { options: [slla(s.own.mac)] })),
  ]),
  drop('duplicate address detection, hop limit 64', s =>
    solicitation(unspecified(s), s.own.ip6, { hopLimit: 64 }),
  ),
  ...behind().map(([what, before]) =>
    drop(`NS behind ${what}, with another MAC as its own`, s =>
      solicitation(from(s, s.own.ip6), s.gateway.ip6, { options: [slla(STRANGER)], before }),
    ),
  ),
  drop('NS with its own MAC, then with another', s =>
    solicitation(from(s, s.own.ip6), s.gateway.ip6, { options: [slla(s.own.mac), slla(STRANGER)] }),
  ),
  drop('NS with a nonce, then with another MAC as its own', s =>
    solicitation(from(s, s.own.ip6), s.gateway.ip6, { options: [NONCE, slla(STRANGER)] }),
  ),

  pass('RS from ::', s => routerSolicitation({ ...toRouters(s), from: '::' })),
  pass('RS from the link-local address', s =>
    routerSolicitation(toRouters(s), { options: [slla(s.own.mac)] }),
  ),
  pass('RS without an option', s => routerSolicitation(toRouters(s))),
  drop('RS with another MAC as its own', s =>
    routerSolicitation(toRouters(s), { options: [slla(STRANGER)] }),
  ),
  drop('RS from ::, with another MAC as its own', s =>
    routerSolicitation({ ...toRouters(s), from: '::' }, { options: [slla(STRANGER)] }),
  ),
  drop('RS with a nonce, then with another MAC as its own', s =>
    routerSolicitation(toRouters(s), { options: [NONCE, slla(STRANGER)] }),
  ),
  drop('RS from the link-local address of the other VM', s =>
    routerSolicitation({ ...toRouters(s), from: s.other.linkLocal }, { options: [slla(s.own.mac)] }),
  ),
  drop('RS, hop limit 64', s =>
    routerSolicitation(toRouters(s), { options: [slla(s.own.mac)], hopLimit: 64 }),
  ),
];

export const ADVERTISEMENT_CLASSES: readonly FrameClass[] = [
  ...own().flatMap(([which, of]) => [
    pass(`NA for ${which}`, s => advertisement(claim(s, of), of(s), { options: [tlla(s.own.mac)] })),
    pass(`NA for ${which}, without an option`, s => advertisement(claim(s, of), of(s))),
    drop(`NA for ${which}, with another MAC`, s =>
      advertisement(claim(s, of), of(s), { options: [tlla(STRANGER)] }),
    ),
    drop(`NA for ${which}, hop limit 64`, s =>
      advertisement(claim(s, of), of(s), { options: [tlla(s.own.mac)], hopLimit: 64 }),
    ),
  ]),
  pass('NA to one neighbour', s =>
    advertisement({ ...unicast(s), to: s.other.ip6 }, s.own.ip6, { options: [tlla(s.own.mac)] }),
  ),
  drop('NA with its own MAC, then with another', s =>
    advertisement(claim(s, global), s.own.ip6, { options: [tlla(s.own.mac), tlla(STRANGER)] }),
  ),
  drop('NA with a nonce, then with another MAC', s =>
    advertisement(claim(s, global), s.own.ip6, { options: [NONCE, tlla(STRANGER)] }),
  ),
  drop('NA from ::', s =>
    advertisement({ ...toAllNodes(s), from: '::' }, s.own.ip6, { options: [tlla(s.own.mac)] }),
  ),
  ...others().flatMap(([which, of]) => [
    drop(`NA for ${which}`, s => advertisement(claim(s, global), of(s), { options: [tlla(s.own.mac)] })),
    drop(`NA for ${which}, without an option`, s => advertisement(claim(s, global), of(s))),
    drop(`NA for ${which}, and from it`, s =>
      advertisement(claim(s, of), of(s), { options: [tlla(s.own.mac)] }),
    ),
    drop(`NA from ${which}, for the NIC's own address`, s =>
      advertisement(claim(s, of), s.own.ip6, { options: [tlla(s.own.mac)] }),
    ),
    ...behind().map(([what, before]) =>
      drop(`NA for ${which}, behind ${what}`, s =>
        advertisement(claim(s, global), of(s), { options: [tlla(s.own.mac)], before }),
      ),
    ),
    drop(`NA for ${which}, behind destination options that look like its own`, s =>
      advertisement(claim(s, global), of(s), { options: [tlla(s.own.mac)], before: [disguise(s)] }),
    ),
    drop(`NA for ${which}, first fragment`, s => {
      const ends = claim(s, global);
      const [first] = cut([advertised(ends, of(s), [tlla(s.own.mac)])], 24);
      return ipv6(ends, [fragment(0, true), first], { hopLimit: 255 });
    }),
  ]),
];

export const ROUTER_CLASSES: readonly FrameClass[] = [
  ...[255, 64].flatMap(hopLimit => [
    drop(`RA, hop limit ${hopLimit}`, s => advertisedRouter(s, { hopLimit })),
    drop(`RA from the link-local address of the gateway, hop limit ${hopLimit}`, s =>
      advertisedRouter(s, { hopLimit }, { ...toAllNodes(s), from: s.gateway.linkLocal }),
    ),
    drop(`redirect, hop limit ${hopLimit}`, s => redirect(s, unicast(s), { hopLimit })),
    drop(`redirect from the link-local address of the gateway, hop limit ${hopLimit}`, s =>
      redirect(s, { ...unicast(s), from: s.gateway.linkLocal }, { hopLimit }),
    ),
  ]),
  drop('RA from the global address', s => advertisedRouter(s, {}, { ...toAllNodes(s), from: s.own.ip6 })),
  drop('RA to one neighbour', s => advertisedRouter(s, {}, unicast(s))),
  ...behind().flatMap(([what, before]) => [
    drop(`RA behind ${what}`, s => advertisedRouter(s, { before })),
    drop(`redirect behind ${what}`, s => redirect(s, unicast(s), { before })),
  ]),
  drop('RA behind destination options, in fragments', s => {
    const ends = toAllNodes(s);
    const [first, second] = cut([DESTINATION_OPTIONS, router(s, ends)], 8);
    return [
      ipv6(ends, [fragment(0, true), first], { hopLimit: 255 }),
      ipv6(ends, [fragment(8, false), second], { hopLimit: 255 }),
    ];
  }),
  // The rest of it is like the rest of a long echo, and nothing without its beginning.
  drop('RA, first fragment', s => {
    const ends = toAllNodes(s);
    const [first] = cut([router(s, ends)], 8);
    return ipv6(ends, [fragment(0, true), first], { hopLimit: 255 });
  }),
];

function own(): readonly (readonly [string, (scene: Scene) => string])[] {
  return [
    ['the global address', global],
    ['the link-local address', s => s.own.linkLocal],
  ];
}

function others(): readonly (readonly [string, (scene: Scene) => string])[] {
  return [
    ['the other VM', s => s.other.ip6],
    ['the other VM, link-local', s => s.other.linkLocal],
    ['the gateway', s => s.gateway.ip6],
    ['the gateway, link-local', s => s.gateway.linkLocal],
  ];
}

/** What may stand in front of a message. */
function behind(): readonly (readonly [string, readonly Header[]])[] {
  return [
    ['hop-by-hop options', [HOP_BY_HOP]],
    ['destination options', [DESTINATION_OPTIONS]],
    ['a routing header', [ROUTING_0]],
    ['a header of a fragment that is the whole', [fragment(0, false)]],
    ['hop-by-hop and destination options', [HOP_BY_HOP, DESTINATION_OPTIONS]],
  ];
}

/** Where a filter that looks at fixed offsets would find an advertisement's target and MAC, it finds the NIC's own. */
function disguise({ own }: Scene): Header {
  const padding = Buffer.from('0003011c00000000', 'hex');
  return [60, Buffer.concat([padding, bytes(own.ip6), hex(`0201${own.mac}`)])];
}

function global({ own }: Scene): string {
  return own.ip6;
}

function from({ own }: Scene, address: string): Omit<Ends, 'to'> {
  return { from: address, fromMac: own.mac };
}

function unspecified(scene: Scene): Omit<Ends, 'to'> {
  return from(scene, '::');
}

/** To all nodes, from the address that `of` says. */
function claim(scene: Scene, of: (scene: Scene) => string): Ends {
  return { ...toAllNodes(scene), from: of(scene) };
}

function toRouters(scene: Scene): Ends {
  return local(scene, 'ff02::2');
}

function unicast(scene: Scene): Ends {
  return { ...local(scene, scene.other.linkLocal), toMac: scene.to.mac };
}
