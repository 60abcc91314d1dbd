// An instance was made; one of the same name may have left something here.
import { collect } from '../../lib/host/collect-hook.ts';

collect();
