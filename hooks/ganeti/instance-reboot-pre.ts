// Before an instance is rebooted: it would not come up again with a NIC that this node cannot carry.
import { admitNics } from '../../lib/host/admit-hook.ts';

admitNics();
