// An instance was changed; a NIC that was unplugged has nobody else to say so.
import { collect } from '../../lib/host/collect-hook.ts';

collect();
