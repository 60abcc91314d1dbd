// Which of these are links of the network namespace that it is in: `links.ts NAME...`.
import { parseIfname } from '../../../lib/core/model/ifname.ts';
import { linkTest } from '../../../lib/host/link-test.ts';

const isLink = linkTest();
const names = process.argv.slice(2).map(name => parseIfname(name, 'argument'));
console.log(names.filter(isLink).join(' '));
