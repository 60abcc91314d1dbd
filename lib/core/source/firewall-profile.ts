import { VmnetError } from '../errors.ts';
import type { FirewallProfile } from '../model/config.ts';
import { parseProfile } from './policy-words.ts';

/**
 * Reads a file of firewall.d: `NAME.nft` with one nft rule a line, as `nft add rule` takes it, comments after #. What it
 * means is nft's to say; here no rule may be more than one.
 */
export function parseFirewallProfile(path: string, text: string): FirewallProfile {
  const file = path.slice(path.lastIndexOf('/') + 1);
  const name = parseProfile(file.replace(/\.nft$/, ''), path);
  const rules = text
    .split('\n')
    .map((line, i) => ({ text: line.replace(/#.*$/, '').trim(), line: i + 1 }))
    .filter(rule => rule.text !== '');
  const bad = rules.find(rule => !/^[a-z][a-z0-9 :./,{}@!=<>&|()_-]*$/i.test(rule.text));
  if (bad !== undefined) {
    throw new VmnetError('config', `this is not one rule of nft: ${bad.text}`, {
      where: `${path}:${bad.line}`,
      hint: 'one rule a line, without quotes, semicolons or comments of its own',
    });
  }
  return { name, path, rules };
}
