// What test/netns/drift-routing.test.ts breaks, as far as it is there with the network in a VRF: rules are not, and the
// VRF is. Several things at once, since a run takes seconds here.

import type { Breakage } from '../netns/breakage.ts';
import { ip } from '../support/command.ts';

process.env.VMNET_TEST_DOMAIN = 'vrf';
const { testRounds } = await import('../netns/breakage.ts');
const { ROUTES, RULE_OF_NOBODY } = await import('../netns/routing-breakages.ts');

const OUT_OF_THE_VRF: Breakage = {
  what: 'tap that was taken out of the VRF',
  kind: 'link-setting',
  drift: 'changed',
  names: ['tap0 master'],
  by: node => ip(node, 'link', 'set', 'tap0', 'nomaster'),
};

const named = (...parts: readonly string[]): readonly Breakage[] =>
  ROUTES.filter(({ what }) => parts.includes(what));
/** In another round, or the host's: the last resort of a VRF's table is. */
const ELSEWHERE = ['unreachable default deleted', 'route of the VM deleted', 'another route out of the tap'];
const ROUNDS = [
  ROUTES.filter(({ what, mend }) => mend === undefined && !ELSEWHERE.includes(what)),
  named('route of the VM deleted', 'another route out of the tap'),
  [...ROUTES.filter(({ mend }) => mend === 'gc'), RULE_OF_NOBODY],
  [OUT_OF_THE_VRF],
];
testRounds(ROUNDS);
