import { VmnetError } from '../errors.ts';
import type { NicRequest } from '../model/request.ts';
import { requestFromGanetiEnv } from './ganeti-nic.ts';

/** What a NIC script would find in its environment. */
export type GanetiVariables = Readonly<Record<string, string | undefined>>;

/** The variables of a network, as NIC scripts have them. */
export const NETWORK_VARIABLES = [
  'NETWORK_NAME',
  'NETWORK_UUID',
  'NETWORK_TAGS',
  'NETWORK_SUBNET',
  'NETWORK_GATEWAY',
  'NETWORK_SUBNET6',
  'NETWORK_GATEWAY6',
  'NETWORK_MAC_PREFIX',
] as const;

/**
 * A NIC that Ganeti describes elsewhere, brought into the variables of its NIC scripts: one parser for all of them.
 * `placeOf` says where a variable really comes from, for the errors.
 */
export function requestFromGanetiVariables(
  variables: GanetiVariables,
  placeOf: (variable: string) => string,
): NicRequest {
  try {
    return requestFromGanetiEnv(variables);
  } catch (error) {
    const variable = error instanceof VmnetError ? /^\$(\w+)$/.exec(error.where ?? '')?.[1] : undefined;
    if (!(error instanceof VmnetError) || variable === undefined) throw error;
    // A parser's hint is about the value and holds here as well; that of a missing variable is about NIC scripts.
    const hint = error.message === `${variable} is not set` ? undefined : error.hint;
    throw new VmnetError(error.exit, error.message, {
      where: placeOf(variable),
      hint: hint ?? 'Ganeti has it for every NIC',
    });
  }
}
