// Before an instance migrates to this node: once it has, its NICs can only fail.
import { admitNics } from '../../lib/host/admit-hook.ts';

admitNics();
