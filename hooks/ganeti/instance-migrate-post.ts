// An instance has migrated. On the node that it left, Ganeti up to 3.1 runs nothing for its NICs.
import { collect } from '../../lib/host/collect-hook.ts';

collect();
