import { quoted, VmnetError } from '../errors.ts';
import { NETWORK_VARIABLES, requestFromGanetiVariables } from './ganeti-variables.ts';
import { type NicRequestWithoutTap, withoutTap } from './without-tap.ts';

/** The NICs of an instance in a hook's environment. */
export interface HookNics {
  readonly nics: readonly HookNic[];
  /** NICs of modes that other scripts serve. */
  readonly foreign: readonly ForeignNic[];
}

export interface HookNic {
  /** The NIC's place in the configuration, from 0: $INTERFACE_INDEX of the NIC scripts. */
  readonly index: number;
  readonly uuid?: string;
  readonly request: NicRequestWithoutTap;
}

export interface ForeignNic {
  readonly index: number;
  readonly mode: string;
}

const FOREIGN_MODES: readonly string[] = ['ext'];
const NIC_VARIABLES = ['MAC', 'IP', 'MODE', 'LINK', 'VLAN', 'BRIDGE', ...NETWORK_VARIABLES];

/** `block` is `GANETI_INSTANCE_` or `GANETI_POST_INSTANCE_`. */
export function nicsOfHook(env: Readonly<Record<string, string | undefined>>, block: string): HookNics {
  const indexes = Array.from({ length: nicCount(env, block) }, (_, index) => index);
  const modes = indexes.map(index => ({ index, mode: env[`${block}NIC${index}_MODE`] ?? '' }));
  return {
    nics: modes
      .filter(({ mode }) => !FOREIGN_MODES.includes(mode))
      .map(({ index }) => nic(env, block, index)),
    foreign: modes.filter(({ mode }) => FOREIGN_MODES.includes(mode)),
  };
}

function nic(env: Readonly<Record<string, string | undefined>>, block: string, index: number): HookNic {
  const prefix = `${block}NIC${index}_`;
  // Under other names than in the environment of NIC scripts.
  const elsewhere: Readonly<Record<string, string>> = {
    INSTANCE: `${block}NAME`,
    TAGS: `${block}TAGS`,
    INTERFACE_NAME: `${prefix}NAME`,
    INTERFACE_UUID: `${prefix}UUID`,
  };
  const told = Object.fromEntries(NIC_VARIABLES.map(name => [name, env[`${prefix}${name}`]]));
  const renamed = Object.fromEntries(Object.entries(elsewhere).map(([name, source]) => [name, env[source]]));
  // Ganeti names no tap in its hooks; this one is taken away again.
  const request = requestFromGanetiVariables(
    { ...told, ...renamed, INTERFACE: `nic${index}`, INTERFACE_INDEX: String(index) },
    name => `$${elsewhere[name] ?? `${prefix}${name}`}`,
  );
  const uuid = env[`${prefix}UUID`];
  return { index, ...(uuid === undefined || uuid === '' ? {} : { uuid }), request: withoutTap(request) };
}

/** Ganeti lets an instance have 8; the bound keeps a wild number from being counted to. */
function nicCount(env: Readonly<Record<string, string | undefined>>, block: string): number {
  const where = `${block}NIC_COUNT`;
  const text = env[where] ?? '';
  if (/^(0|[1-9]\d{0,2})$/.test(text)) return Number(text);
  throw new VmnetError('request', `${quoted(text)} is no number of NICs`, {
    where: `$${where}`,
    hint: 'Ganeti sets it for its hooks',
  });
}
