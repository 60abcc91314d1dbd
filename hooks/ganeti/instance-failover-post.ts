// An instance was moved from a node that may have come back meanwhile.
import { collect } from '../../lib/host/collect-hook.ts';

collect();
