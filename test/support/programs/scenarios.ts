// Runs the scenarios on the kernel of the namespace that it is in: a JSON line for each.
import { inspect } from 'node:util';
import { realWorld } from '../real-world.ts';
import { SCENARIOS } from '../scenarios.ts';

const world = realWorld();
try {
  for (const [index, { name, run }] of SCENARIOS.entries()) {
    if (index > 0) world.reset();
    const error = await run(world).then(
      () => undefined,
      (thrown: unknown) => (thrown instanceof Error ? thrown.stack : inspect(thrown)),
    );
    process.stdout.write(`${JSON.stringify({ name, error })}\n`);
  }
} finally {
  world.close();
}
