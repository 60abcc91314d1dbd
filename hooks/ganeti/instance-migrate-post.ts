// An instance has migrated. On the node that it left, Ganeti up to 3.1 runs nothing for its NICs; where it is now, Ganeti
// 3.2 may have failed to.
import { arriveAndCollect } from '../../lib/host/collect-hook.ts';

arriveAndCollect();
