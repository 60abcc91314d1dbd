/**
 * Whether two names are of one machine. Ganeti calls its nodes by their whole names; a machine may call itself by the
 * first part alone, and then nothing else can be compared.
 */
export function isSameNode(one: string, other: string): boolean {
  const [a, b] = [one, other].map(name => `${name.toLowerCase().replace(/\.$/, '')}.`);
  return a !== undefined && b !== undefined && a !== '.' && b !== '.' && (a.startsWith(b) || b.startsWith(a));
}
