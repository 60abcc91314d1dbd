// Before an instance is made: a NIC that this node cannot carry, or whose address somebody has, is refused before
// anything is built.
import { admitNics } from '../../lib/host/admit-hook.ts';

admitNics('probe');
