// An instance was started, perhaps after a crash, of which nobody has told.
import { collect } from '../../lib/host/collect-hook.ts';

collect();
