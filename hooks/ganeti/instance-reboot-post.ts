// An instance was rebooted: its taps are others now.
import { collect } from '../../lib/host/collect-hook.ts';

collect();
