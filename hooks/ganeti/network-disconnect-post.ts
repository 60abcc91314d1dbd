// A network was taken from this group of nodes.
import { collect } from '../../lib/host/collect-hook.ts';

collect();
