// Before an instance is changed: the NICs that it is to have are refused if the node that runs it cannot carry them. Of
// one that is down nothing is asked: it may be about to be mended, and its start will ask. Nor does anybody probe here:
// what answers for the addresses is the instance itself.
import { admitNics } from '../../lib/host/admit-hook.ts';

admitNics('carry', event => event.status === 'up');
