// Before an instance is started: a NIC that this node cannot carry, or whose address somebody has, is refused.
import { admitNics } from '../../lib/host/admit-hook.ts';

admitNics('probe');
