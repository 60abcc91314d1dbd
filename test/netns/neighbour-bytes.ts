// Messages of neighbour discovery and of multicast listener discovery, with the options that the caller wants.
import {
  bytes,
  type Ends,
  type Header,
  hex,
  icmpv6,
  ipv6,
  joined,
  ROUTER_ALERT,
  solicitedGroup,
  two,
} from './frame-bytes.ts';
import { local, type Scene } from './frame-scene.ts';

export type Option = readonly [type: number, content: string];

/** Source link-layer address. */
export function slla(mac: string): Option {
  return [1, mac];
}

/** Target link-layer address. */
export function tlla(mac: string): Option {
  return [2, mac];
}

/** RFC 7527: Linux puts one into each duplicate address detection. */
export const NONCE: Option = [14, '76:6d:6e:65:74:21'];

export interface Message {
  readonly options?: readonly Option[];
  /** Default 255, which no router leaves. */
  readonly hopLimit?: number;
  /** In front of the message. */
  readonly before?: readonly Header[];
}

/** To the solicited-node group of `target`, unless `ends` has its own destination. */
export function solicitation(
  ends: Omit<Ends, 'to'> & { readonly to?: string },
  target: string,
  message: Message = {},
): Buffer {
  const whole = { ...ends, to: ends.to ?? solicitedGroup(target) };
  return send(whole, 135, Buffer.concat([Buffer.alloc(4), bytes(target)]), message);
}

/** An advertisement that overrides. */
export function advertisement(ends: Ends, target: string, message: Message = {}): Buffer {
  return send(ends, 136, Buffer.concat([OVERRIDE, bytes(target)]), message);
}

export function advertised(ends: Ends, target: string, options: readonly Option[] = []): Header {
  return icmpv6(ends, 136, Buffer.concat([OVERRIDE, bytes(target), ...options.map(option)]));
}

const OVERRIDE = Buffer.from('20000000', 'hex');

export function routerSolicitation(ends: Ends, message: Message = {}): Buffer {
  return send(ends, 133, Buffer.alloc(4), message);
}

/** `I am the router`, from the NIC's own link-local address unless `ends` says otherwise. */
export function advertisedRouter(scene: Scene, message: Message = {}, ends = toAllNodes(scene)): Buffer {
  return ipv6(ends, [...(message.before ?? []), router(scene, ends)], { hopLimit: message.hopLimit ?? 255 });
}

/** The advertisement of a router alone, to be cut or wrapped. */
export function router({ own }: Scene, ends: Ends): Header {
  return icmpv6(
    ends,
    134,
    Buffer.concat([Buffer.from('400007080000000000000000', 'hex'), option(slla(own.mac))]),
  );
}

/** `The other VM is reached through me.` */
export function redirect(scene: Scene, ends: Ends, message: Message = {}): Buffer {
  const rest = [Buffer.alloc(4), bytes(scene.own.linkLocal), bytes(scene.other.ip6)];
  return send(ends, 137, Buffer.concat(rest), { options: [tlla(scene.own.mac)], ...message });
}

export function toAllNodes(scene: Scene): Ends {
  return local(scene, 'ff02::1');
}

/** Type 130 asks, 131 and 143 report, 132 leaves a group. */
export function listener(ends: Ends, type: number, before: readonly Header[] = [ROUTER_ALERT]): Buffer {
  const group = bytes('ff02::1:ff00:77');
  const rest =
    type === 143
      ? [two(0), two(1), Buffer.from([4, 0, 0, 0]), group]
      : [two(type === 130 ? 1000 : 0), two(0), type === 130 ? Buffer.alloc(16) : group];
  return ipv6(ends, [...before, icmpv6(ends, type, Buffer.concat(rest))], { hopLimit: 1 });
}

/** The fragments' contents: the headers in a row, cut after `at` bytes. */
export function cut(headers: readonly Header[], at: number): readonly [Header, Header] {
  const whole = joined(headers);
  const first = headers[0]?.[0] ?? 59;
  return [
    [first, whole.subarray(0, at)],
    [first, whole.subarray(at)],
  ];
}

function send(ends: Ends, type: number, fixed: Uint8Array, message: Message): Buffer {
  const { options = [], hopLimit = 255, before = [] } = message;
  const content = icmpv6(ends, type, Buffer.concat([fixed, ...options.map(option)]));
  return ipv6(ends, [...before, content], { hopLimit });
}

function option([type, content]: Option): Buffer {
  return Buffer.concat([Buffer.from([type, 1]), hex(content)]);
}
