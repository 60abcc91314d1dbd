// From routed to bridged and back.
import { parseIfname } from '../../lib/core/model/ifname.ts';
import { attach } from '../../lib/run/attach.ts';
import { detach } from '../../lib/run/detach.ts';
import { type Scenario, same } from './scenario.ts';
import { ROUTED, type Shape } from './shapes.ts';
import { bridged } from './world.ts';

const now = { dryRun: false };
const tap0 = parseIfname('tap0', 'test');

export function conversions(shapes: readonly Shape[] = ROUTED): readonly Scenario[] {
  return shapes.flatMap(({ name, request }): Scenario[] =>
    (
      [
        ['routed to bridged', request, bridged],
        ['bridged to routed', bridged, request],
      ] as const
    ).map(([way, from, to]) => ({
      name: `${name}: ${way} gives what an attach alone gives, and detach what was before`,
      run: async world => {
        await world.makeTap('tap0');
        for (const one of [from, to, from]) {
          await attach(world.context, one('tap0', 5), now);
          await detach(world.context, tap0, now);
        }
        const before = await world.snapshot();
        await attach(world.context, to('tap0', 5), now);
        const wanted = await world.snapshot();
        await detach(world.context, tap0, now);
        await attach(world.context, from('tap0', 5), now);
        await attach(world.context, to('tap0', 5), now);
        await same(world, wanted);
        await detach(world.context, tap0, now);
        await same(world, before);
      },
    })),
  );
}
