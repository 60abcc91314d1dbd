// Before an instance is moved to this node.
import { admitNics } from '../../lib/host/admit-hook.ts';

admitNics();
