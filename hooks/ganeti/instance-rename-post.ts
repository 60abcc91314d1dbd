// An instance was renamed while it was stopped.
import { collect } from '../../lib/host/collect-hook.ts';

collect();
