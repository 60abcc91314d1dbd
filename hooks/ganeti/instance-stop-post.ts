// An instance was stopped. Ganeti up to 3.1 runs nothing for its NICs.
import { collect } from '../../lib/host/collect-hook.ts';

collect();
