import { quoted, VmnetError } from '../errors.ts';
import type { NetworkFacts } from '../model/request.ts';
import { type HookNics, nicsOfHook } from './ganeti-hook-nics.ts';
import { type GanetiVariables, NETWORK_VARIABLES, requestFromGanetiVariables } from './ganeti-variables.ts';
import { pick } from './pick.ts';
import { parseInstance, parseVlan, parseWord } from './request-words.ts';

type Env = Readonly<Record<string, string | undefined>>;
export type HookPhase = 'pre' | 'post';

/** One call of Ganeti's hooks manager; `kind` says which fields there are. */
export type ClusterEvent = InstanceEvent | NetworkEvent | ConnectionEvent | OtherEvent;

const CONNECTION_MODES = {
  routed: 'routed',
  bridged: 'bridged',
  openvswitch: 'openvswitch',
  ext: 'ext',
} as const;

interface EventHead {
  /** The directory's name without its phase: `instance-start`. */
  readonly event: string;
  readonly phase: HookPhase;
  /** `OP_INSTANCE_STARTUP` */
  readonly opCode: string;
  readonly cluster?: string;
  readonly master?: string;
}

/** What the configuration says of an instance; the running VM may differ from it. */
export interface InstanceState extends HookNics {
  readonly instance: string;
  readonly primary?: string;
  readonly secondaries: readonly string[];
  /** What the administrator wants it to be. */
  readonly status?: 'up' | 'down' | 'offline';
  readonly hypervisor?: string;
}

/**
 * `instance-*`. A modification shows the new NICs in both phases. `source` and `target` are from the variables of the
 * pre phase, also in the post phase, where Ganeti computes its copy of them from the instance that has moved already.
 */
export interface InstanceEvent extends EventHead, InstanceState {
  readonly kind: 'instance';
  readonly newName?: string;
  readonly source?: string;
  readonly target?: string;
  /** Of a migration or failover: Ganeti tidies up after one that failed, and neither NIC script is called. */
  readonly cleanup?: boolean;
  readonly live?: boolean;
  /** In the post phase, and not after a removal: the instance as it is now. */
  readonly after?: InstanceState;
}

/** `network-add`, `-modify`, `-remove`, and `-rename`, which has the two names alone. */
export interface NetworkEvent extends EventHead {
  readonly kind: 'network';
  readonly network: NetworkFacts;
  readonly oldName?: string;
  readonly newName?: string;
}

/** `network-connect`, `network-disconnect`. Ganeti tells the group and how, and does not tell which network. */
export interface ConnectionEvent extends EventHead {
  readonly kind: 'connection';
  /** The group's UUID in Ganeti 3.0. */
  readonly group: string;
  readonly mode: 'routed' | 'bridged' | 'openvswitch' | 'ext';
  readonly link?: string;
  readonly vlan?: string;
  readonly network: NetworkFacts;
}

/** Any other: of nodes, groups, the cluster. */
export interface OtherEvent extends EventHead {
  readonly kind: 'other';
}

/** An event from the environment of a cluster hook. Empty variables count as absent. */
export function eventFromGanetiEnv(env: Env): ClusterEvent {
  checkVersion(env);
  const head: EventHead = {
    event: needed(env, 'GANETI_HOOKS_PATH', hooksPath),
    phase: needed(env, 'GANETI_HOOKS_PHASE', phase),
    opCode: needed(env, 'GANETI_OP_CODE', (text, where) => parseWord(text, where, 'operation')),
    ...pick({
      cluster: optional(env, 'GANETI_CLUSTER', parseInstance),
      master: optional(env, 'GANETI_MASTER', parseInstance),
    }),
  };
  if (head.event === 'network-connect' || head.event === 'network-disconnect') return connection(env, head);
  if (head.event.startsWith('network-')) return networkEvent(env, head);
  return head.event.startsWith('instance-') ? instanceEvent(env, head) : { ...head, kind: 'other' };
}

function instanceEvent(env: Env, head: EventHead): InstanceEvent {
  const after = 'GANETI_POST_INSTANCE_NAME';
  const cleanup = head.event === 'instance-failover' ? 'GANETI_FAILOVER_CLEANUP' : 'GANETI_MIGRATE_CLEANUP';
  return {
    ...head,
    kind: 'instance',
    ...instanceState(env, 'GANETI_INSTANCE_'),
    ...pick({
      newName: optional(env, 'GANETI_INSTANCE_NEW_NAME', parseInstance),
      source: optional(env, 'GANETI_OLD_PRIMARY', parseInstance),
      target:
        optional(env, 'GANETI_NEW_PRIMARY', parseInstance) ??
        optional(env, 'GANETI_TARGET_NODE', parseInstance),
      cleanup: optional(env, cleanup, trueOrFalse),
      live: optional(env, 'GANETI_MIGRATE_LIVE', trueOrFalse),
      after: optional(env, after, () => instanceState(env, 'GANETI_POST_INSTANCE_')),
    }),
  };
}

/** `block` is `GANETI_INSTANCE_`, or `GANETI_POST_INSTANCE_` for the same after the operation. */
function instanceState(env: Env, block: string): InstanceState {
  return {
    instance: needed(env, `${block}NAME`, parseInstance),
    secondaries: optional(env, `${block}SECONDARIES`, nodes) ?? [],
    ...pick({
      primary: optional(env, `${block}PRIMARY`, parseInstance),
      status: optional(env, `${block}STATUS`, status),
      hypervisor: optional(env, `${block}HYPERVISOR`, (text, where) => parseWord(text, where, 'hypervisor')),
    }),
    ...nicsOfHook(env, block),
  };
}

function networkEvent(env: Env, head: EventHead): NetworkEvent {
  const name = (text: string, where: string) => parseWord(text, where, 'network');
  return {
    ...head,
    kind: 'network',
    network: networkFacts(env),
    ...pick({
      oldName: optional(env, 'GANETI_OLD_NAME', name),
      newName: optional(env, 'GANETI_NEW_NAME', name),
    }),
  };
}

function connection(env: Env, head: EventHead): ConnectionEvent {
  return {
    ...head,
    kind: 'connection',
    group: needed(env, 'GANETI_GROUP_NAME', (text, where) => parseWord(text, where, 'node group')),
    mode: needed(env, 'GANETI_GROUP_NETWORK_MODE', (text, where) => word(CONNECTION_MODES, text, where)),
    ...pick({
      link: optional(env, 'GANETI_GROUP_NETWORK_LINK', (text, where) => parseWord(text, where, 'link')),
      vlan: optional(env, 'GANETI_GROUP_NETWORK_VLAN', parseVlan),
    }),
    network: networkFacts(env),
  };
}

function networkFacts(env: Env): NetworkFacts {
  const told: GanetiVariables = Object.fromEntries(
    NETWORK_VARIABLES.map(name => [name, env[`GANETI_${name}`]]),
  );
  // A network has the same variables here and for a NIC; the rest of the NIC is made up.
  const nic = { INTERFACE: 'tap', INSTANCE: 'instance', MODE: 'routed', MAC: '02:00:00:00:00:00' };
  return requestFromGanetiVariables({ ...told, ...nic }, name => `$GANETI_${name}`).network;
}

function checkVersion(env: Env): void {
  const version = env.GANETI_HOOKS_VERSION;
  if (version === '2') return;
  const what =
    version === undefined ? 'this is no call of a Ganeti hook' : `hooks of version ${quoted(version)}`;
  throw new VmnetError('request', what, {
    where: '$GANETI_HOOKS_VERSION',
    hint: 'vmnet knows version 2, of Ganeti 2 and 3; vmnet itself is called by hand',
  });
}

function hooksPath(text: string, where: string): string {
  if (/^[a-z][a-z0-9-]{0,63}$/.test(text)) return text;
  throw new VmnetError('request', `${quoted(text)} is no event of Ganeti`, {
    where,
    hint: 'it is a name such as instance-start',
  });
}

/** Ganeti's manual writes them in upper case, its code in lower. */
function phase(text: string, where: string): HookPhase {
  return word({ pre: 'pre', post: 'post' } as const, text.toLowerCase(), where);
}

function status(text: string, where: string): 'up' | 'down' | 'offline' {
  // `instance-add` tells whether the instance is to be started, as Python prints it.
  return word(
    { up: 'up', True: 'up', down: 'down', False: 'down', offline: 'offline' } as const,
    text,
    where,
  );
}

function trueOrFalse(text: string, where: string): boolean {
  return word({ True: true, False: false } as const, text, where);
}

function nodes(text: string, where: string): readonly string[] {
  return text
    .split(/[ ,]+/)
    .filter(node => node !== '')
    .map(node => parseInstance(node, where));
}

function word<T>(words: Readonly<Record<string, T>>, text: string, where: string): T {
  const value = Object.hasOwn(words, text) ? words[text] : undefined;
  if (value !== undefined) return value;
  throw new VmnetError('request', `${quoted(text)} is none of ${Object.keys(words).join(', ')}`, {
    where,
    hint: 'Ganeti sets it for its hooks',
  });
}

function needed<T>(env: Env, name: string, parse: (text: string, where: string) => T): T {
  const value = optional(env, name, parse);
  if (value !== undefined) return value;
  throw new VmnetError('request', `${name} is not set`, {
    where: `$${name}`,
    hint: 'Ganeti sets it for its hooks',
  });
}

function optional<T>(env: Env, name: string, parse: (text: string, where: string) => T): T | undefined {
  const text = env[name];
  return text === undefined || text === '' ? undefined : parse(text, `$${name}`);
}
