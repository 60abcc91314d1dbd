import { asVmnetError, VmnetError } from '../errors.ts';
import type { FirewallProfile } from '../model/config.ts';
import { parseProfile } from './policy-words.ts';

/**
 * Reads a file of firewall.d: `NAME.nft` with one nft rule a line, as `nft add rule` takes it, comments after #. What it
 * means is nft's to say; here no rule may be more than one. A file that cannot be read holds up only who asks for it.
 */
export function parseFirewallProfile(path: string, text: string): FirewallProfile {
  const name = path.slice(path.lastIndexOf('/') + 1).replace(/\.nft$/, '');
  const rules = text
    .split('\n')
    .map((line, i) => ({ text: line.replace(/#.*$/, '').trim(), line: i + 1 }))
    .filter(rule => rule.text !== '');
  try {
    checkName(name, path);
    checkRules(rules, path);
    return { name, path, rules };
  } catch (thrown) {
    const { message, where, hint } = asVmnetError(thrown);
    const more = { ...(where === undefined ? {} : { where }), ...(hint === undefined ? {} : { hint }) };
    return { name, path, rules: [], broken: new VmnetError('config', message, more) };
  }
}

function checkName(name: string, path: string): void {
  parseProfile(name, path);
  if (name !== 'isolate') return;
  throw new VmnetError('config', 'isolate is a word of its own in tags', {
    where: path,
    hint: 'give the profile another name',
  });
}

function checkRules(rules: FirewallProfile['rules'], path: string): void {
  const bad = rules.find(rule => !/^[a-z][a-z0-9 :./,{}@!=<>&|()_-]*$/i.test(rule.text));
  if (bad === undefined) return;
  throw new VmnetError('config', `this is not one rule of nft: ${bad.text}`, {
    where: `${path}:${bad.line}`,
    hint: 'one rule a line, without quotes, semicolons or comments of its own',
  });
}
