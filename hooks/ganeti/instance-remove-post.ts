// An instance was removed.
import { collect } from '../../lib/host/collect-hook.ts';

collect();
