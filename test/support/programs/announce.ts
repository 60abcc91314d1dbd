// Announces as attach would: `announce.ts JSON`, JSON being { announcements, repeats, path?, rounds? }.
// Prints { ms } on success, and { exit, message } of an error.
import { announcementFrames } from '../../../lib/core/announce/frames.ts';
import { asVmnetError, formatError } from '../../../lib/core/errors.ts';
import { startAnnouncer } from '../../../lib/host/announce.ts';

const { announcements, repeats, path, rounds = 1 } = JSON.parse(process.argv[2] ?? '');
const frames = announcements.flatMap((one: Parameters<typeof announcementFrames>[0]) =>
  announcementFrames(one).map(frame => ({ dev: one.dev, tap: one.tap ?? 'tap0', frame })),
);

const ms: number[] = [];
try {
  for (let round = 0; round < rounds; round += 1) {
    const start = performance.now();
    await startAnnouncer(repeats, path).send(frames);
    ms.push(performance.now() - start);
  }
  console.log(JSON.stringify({ ms }));
} catch (thrown) {
  const error = asVmnetError(thrown);
  console.log(JSON.stringify({ exit: error.exit, message: formatError(error) }));
}
