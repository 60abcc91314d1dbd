// Rules, routes and proxy neighbours that somebody deletes, changes or adds. See breakage.ts.
import { testBreakages } from './breakage.ts';
import { ROUTES, RULE_OF_NOBODY, RULES } from './routing-breakages.ts';

testBreakages([...RULES, RULE_OF_NOBODY, ...ROUTES]);
